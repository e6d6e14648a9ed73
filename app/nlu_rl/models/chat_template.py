"""Whether a chat template works: it is parsed and rendered once, as transformers would, before anything is loaded.

A template of transformers may use a few things plain Jinja lacks (`raise_exception`, `strftime_now`, the `generation`
block, loop controls); they stand here in the same sandbox.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

_PROBE = "nlu-rl asks this"
_TURNS = [{"role": "user", "content": _PROBE}]


def find_template(folder: Path) -> str | None:
    """Return the chat template of a model folder, from wherever transformers would read it; None without one."""
    if (folder / "chat_template.jinja").is_file():
        return _text(folder / "chat_template.jinja")
    for name in ("chat_template.json", "tokenizer_config.json"):
        try:
            template = json.loads((folder / name).read_text(encoding="utf-8")).get("chat_template")
        except (OSError, ValueError, AttributeError):
            continue
        if isinstance(template, list):  # several, by name
            named = {str(entry.get("name")): entry.get("template") for entry in template if isinstance(entry, dict)}
            template = named.get("default")
        if isinstance(template, str) and template:
            return template
    return None


def template_problem(template: str, tokens: dict[str, Any]) -> str | None:
    """Return why the template cannot be used; None when a user's turn comes out of it.

    Args:
        tokens: special tokens by name, which templates refer to, such as `bos_token`.
    """
    from jinja2 import TemplateError

    try:
        rendered = render_template(template, _TURNS, tokens)
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        line = getattr(error, "lineno", None)
        where = f" (line {line})" if line else ""
        return f"{type(error).__name__}: {str(error).strip().rstrip('.')}{where}"
    return None if _PROBE in rendered else "it leaves out what the user says"


def render_template(template: str, turns: Sequence[Mapping[str, str]], tokens: Mapping[str, Any]) -> str:
    """Return the turns as the template writes them, up to where the assistant's begins. Raises jinja2.TemplateError."""
    made = _compiled(template)
    return str(made.render(messages=turns, add_generation_prompt=True, tools=None, documents=None, **tokens))


@lru_cache(maxsize=4)
def _compiled(template: str) -> Any:
    return _environment().from_string(template)


def special_tokens(settings: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the special tokens by name in a `tokenizer_config.json`; older ones hold each with its properties."""
    named = {key: value for key, value in (settings or {}).items() if key.endswith("_token")}
    return {key: value.get("content") if isinstance(value, dict) else value for key, value in named.items()}


def _environment() -> Any:
    from jinja2 import TemplateError
    from jinja2.ext import Extension, loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        """`{% generation %}`, which marks the assistant's tokens and changes no text."""

        tags = {"generation"}  # noqa: RUF012

        def parse(self, parser: Any) -> Any:
            next(parser.stream)
            return parser.parse_statements(("name:endgeneration",), drop_needle=True)

    def refuse(message: str) -> None:
        raise TemplateError(message)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
    )
    environment.filters["tojson"] = lambda value, **_: json.dumps(value, ensure_ascii=False)
    environment.globals["raise_exception"] = refuse
    environment.globals["strftime_now"] = lambda form: form
    return environment


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
