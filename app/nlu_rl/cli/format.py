"""Numbers for people: durations, sizes, metrics."""


def duration(seconds: float | None) -> str:
    """Return `42 s`, `7 min 05 s` or `3 h 20 min`; a dash when unknown, nothing below zero if the clock was set."""
    if seconds is None:
        return "-"
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def size(count: float) -> str:
    """Return bytes as `512 B`, `1.5 MB`, `3.2 GB` (powers of 1000)."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def number(value: float | None, digits: int = 3) -> str:
    """Return a metric with `digits` decimals, small ones in scientific notation; a dash when there is none."""
    if value is None:
        return "-"
    if value != 0 and abs(value) < 10**-digits:
        return f"{value:.1e}"
    return f"{value:.{digits}f}"


def amount(phase: str, done: int, total: int | None) -> str:
    """Return `120 / 400`, or bytes as sizes for phases that move files."""
    moves_bytes = phase.startswith(("fetch", "download"))
    shown = [size(value) if moves_bytes else str(value) for value in (done, total) if value is not None]
    return " / ".join(shown)
