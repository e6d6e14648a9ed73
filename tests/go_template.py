"""Renders the part of Go's template language that a Modelfile of ours uses; anything else in braces is an error."""

import re

ACTION = re.compile(r"\{\{ (.*?) \}\}", re.DOTALL)


def go_text(template: str, **values: str) -> str:
    """Return the text: `.Name` is a value, `"text"` itself; `if .Name`, `else` and `end` do not nest."""
    out: list[str] = []
    shown = [True]
    place = 0
    for action in ACTION.finditer(template):
        if shown[-1]:
            out.append(template[place : action.start()])
        place = action.end()
        word = action.group(1)
        if word.startswith("if ."):
            assert len(shown) == 1, "an if inside an if"
            shown.append(bool(values[word.removeprefix("if .")]))
        elif word == "else":
            shown[-1] = not shown[-1]
        elif word == "end":
            shown.pop()
        elif shown[-1]:
            out.append(values[word[1:]] if word.startswith(".") else _quoted(word))
    assert len(shown) == 1, "an if without an end"
    rest = template[place:]
    assert "{{" not in rest, rest
    return "".join([*out, rest])


def _quoted(word: str) -> str:
    assert re.fullmatch(r'"[^"\\]*"', word), word
    return word[1:-1]
