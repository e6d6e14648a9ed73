"""Numbers for people in few cells: ages, clock times, scores, small bars."""

import time

BARS = "▁▂▃▄▅▆▇█"


def age(seconds: float) -> str:
    """Return `12s`, `21m`, `2h` or `3d`."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size:.0f}{unit}"
    return f"{max(0, seconds):.0f}s"


def moment(t: float) -> str:
    """Return seconds since the epoch as date and time of the machine."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(t))


def clock(seconds: float | None) -> str:
    """Return `13:20` or `2:05:00`; a dash when unknown."""
    if seconds is None:
        return "–"
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def score(value: float | None) -> str:
    """Return `.913`, `1.00` or `-.21`: a score in four cells; a dash when there is none."""
    if value is None:
        return "–"
    text = f"{value:.3f}"
    return text.replace("0.", ".", 1) if abs(value) < 0.9995 else f"{value:.2f}"


def signed(value: float) -> str:
    return f"{value:+.2f}".replace("-0.00", "+0.00")


def short(value: float) -> str:
    """Return a number in at most six cells: `0.933`, `12.4`, `1.2e-05`, `65.5k`."""
    size = abs(value)
    if size and size < 0.001:
        return f"{value:.0e}"
    if size >= 100_000:
        return f"{value / 1000:.4g}k"
    return f"{value:.3f}" if size < 10 else f"{value:.1f}" if size < 1000 else f"{value:.0f}"


def spark(values: list[float]) -> str:
    """Return a line of small bars, one a value, from their lowest to their highest."""
    if not values:
        return ""
    low, high = min(values), max(values)
    if high == low:
        return BARS[3] * len(values)
    return "".join(BARS[round((value - low) / (high - low) * (len(BARS) - 1))] for value in values)


def meter(share: float, width: int) -> str:
    """Return a bar of `width` cells, filled to `share`."""
    filled = min(width, max(0, round(share * width)))
    return "█" * filled + "░" * (width - filled)


def cut(text: str, width: int) -> str:
    """Return the text on one line of at most `width` cells."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: max(0, width - 1)] + "…"


def shortened(text: str, width: int) -> str:
    """Return a name in at most `width` cells, cut in its middle: the end tells names of one beginning apart."""
    if len(text) <= width:
        return text
    end = (width - 1) * 2 // 3
    return f"{text[: width - 1 - end]}…{text[len(text) - end :]}"


def progress(step: int, total: int, width: int) -> str:
    """Return `12/40`, in thousands or millions where `width` cells do not hold it."""
    whole = f"{step}/{total}"
    return whole if len(whole) <= width else f"{_thousands(step)}/{_thousands(total)}"


def _thousands(count: int) -> str:
    return f"{count // 1_000_000}M" if count >= 1_000_000 else f"{count // 1000}k" if count >= 10_000 else str(count)


def counted(count: int, noun: str) -> str:
    """Return `1 row` or `2 rows`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def size(count: float) -> str:
    """Return bytes as `270 MB` or `1.2 GB`."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB" if count >= 1e6 else f"{count:.0f} B"


def filled(used: float, total: float) -> str:
    """Return bytes of bytes as `9.8/34 GB`."""
    return f"{used / 1e9:.1f}/{total / 1e9:.0f} GB"


def span(seconds: float) -> str:
    """Return how long something takes: `40 s`, `22 min` or `3 h 10 min`."""
    if seconds < 90:
        return f"{max(1, seconds):.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
