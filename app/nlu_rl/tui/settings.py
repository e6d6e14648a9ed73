"""The user's `tui.yaml` under NLU_RL_HOME: theme, ASCII, keys. All of it may be missing; what is wrong in it is told.

theme: nlu-rl-light
ascii: auto             # auto: as the locale says; always, never
keys:
  home.new: N           # an action of one screen, by the names of `nlu-rl tui --keys`
  help: f1,question_mark
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nlu_rl import paths
from nlu_rl.errors import NluRlError, unknown_name
from nlu_rl.tui.ascii import ascii_wanted
from nlu_rl.tui.keys import COMMON, KEYS, is_key, keys_of

_PARTS = ("theme", "ascii", "keys")


class SettingsError(NluRlError):
    """A `tui.yaml` that cannot be used."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`keymap` is Textual's: binding id to keys."""

    theme: str | None = None
    ascii: bool = False
    keymap: dict[str, str] = field(default_factory=dict)


def settings_path() -> Path:
    return paths.home() / "tui.yaml"


def default_settings() -> Settings:
    return Settings(ascii=ascii_wanted())


def read_settings() -> Settings:
    """Return what the file says; the defaults when there is none.

    Raises:
        SettingsError: it is not YAML, or names a part, an action or a key that does not exist, or one key twice.
    """
    try:
        text = settings_path().read_text(encoding="utf-8")
    except FileNotFoundError:
        return default_settings()
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong(f"it cannot be read: {' '.join(str(error).split())}.") from None
    content = _parsed(text)
    if content is None:
        return default_settings()
    if not isinstance(content, dict):
        raise _wrong("it is not a list of settings, such as 'theme: nlu-rl'.")
    for part in content:
        if part not in _PARTS:
            raise _wrong(unknown_name("setting", str(part), _PARTS))
    theme = content.get("theme")
    if theme is not None and not isinstance(theme, str):
        raise _wrong("theme is not a name.")
    return Settings(theme, _ascii(content.get("ascii", "auto")), keymap_of(content.get("keys") or {}))


def _parsed(text: str) -> Any:
    import yaml  # most have no such file, and reading this library is a part of the start

    from nlu_rl.yaml_text import yaml_problem

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise _wrong(f"it cannot be read: {yaml_problem(error)}.") from None


def keymap_of(wanted: Any) -> dict[str, str]:
    """Return Textual's keymap of the user's `action: keys`. Raises SettingsError."""
    if not isinstance(wanted, dict):
        raise _wrong("keys is not a list of 'action: key'.")
    keymap = {}
    for name, keys in wanted.items():
        names = [str(key).strip() for key in (keys if isinstance(keys, list) else str(keys).split(","))]
        for key in names:
            if not is_key(key):
                raise _wrong(f"'{key}' is not a key. Keys are written as 'n', 'N', 'f1', 'ctrl+n', 'space', 'slash'.")
        ids = _ids(str(name))
        if not ids:
            raise _wrong(unknown_name("action", str(name), _names()))
        keymap.update(dict.fromkeys(ids, ",".join(names)))
    _refuse_clashes(keymap)
    return keymap


def _ids(name: str) -> list[str]:
    """Return the bindings a name stands for: one, or that of every screen for what every screen has."""
    if any(key.name == name for key in COMMON):
        return [f"{screen}.{name}" for screen in KEYS]
    screen, _, action = name.partition(".")
    known = screen in KEYS and any(key.name == action for key in keys_of(screen))
    return [name] if known else []


def _names() -> list[str]:
    return [*(key.name for key in COMMON), *(f"{screen}.{key.name}" for screen in KEYS for key in KEYS[screen])]


def _refuse_clashes(keymap: dict[str, str]) -> None:
    from textual.keys import _character_to_key  # as Textual's own keymap reads a character

    for screen in KEYS:
        taken: dict[str, str] = {}
        for key in keys_of(screen):
            for name in keymap.get(f"{screen}.{key.name}", key.key).split(","):
                name = _character_to_key(name) if len(name) == 1 else name
                if taken.setdefault(name, key.name) != key.name:
                    raise _wrong(f"on the screen '{screen}', '{name}' would be both {taken[name]} and {key.name}.")


def _ascii(value: Any) -> bool:
    if value not in ("auto", "always", "never"):
        raise _wrong("ascii is auto, always or never.")
    return ascii_wanted() if value == "auto" else value == "always"


def _wrong(what: str) -> SettingsError:
    path = settings_path()
    return SettingsError(f"{path} is not used: {what}", "Correct or remove it; docs/tui.md has an example.")
