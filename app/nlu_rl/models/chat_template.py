"""Whether a chat template works: it is parsed and rendered once, as transformers would, before anything is loaded.

A template of transformers may use a few things plain Jinja lacks (`raise_exception`, `strftime_now`, the `generation`
block, loop controls); they stand here in the same sandbox.
"""

import json
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
        rendered = (
            _environment()
            .from_string(template)
            .render(messages=_TURNS, add_generation_prompt=True, tools=None, documents=None, **tokens)
        )
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        line = getattr(error, "lineno", None)
        where = f" (line {line})" if line else ""
        return f"{type(error).__name__}: {str(error).strip().rstrip('.')}{where}"
    return None if _PROBE in rendered else "it leaves out what the user says"


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
