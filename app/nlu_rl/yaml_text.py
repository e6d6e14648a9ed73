"""Reading what a person wrote as YAML: a key that is there twice is a mistake, where YAML silently takes the last."""

from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    """The safe loader, but every key of a mapping once."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key '{key.value}' is there twice", key.start_mark
                )
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else "")
        return super().construct_mapping(node, deep)


def yaml_problem(error: yaml.YAMLError) -> str:
    """Return what is wrong with YAML text and in which line, without its quotation of the text."""
    if isinstance(error, yaml.MarkedYAMLError) and (mark := error.context_mark or error.problem_mark):
        return f"line {mark.line + 1}: " + ", ".join(filter(None, (error.context, error.problem)))
    return " ".join(str(error).split())


def load_words(text: str) -> Any:
    """Return what YAML text says with every value as it is written: `012`, `1:30` and `no` are no numbers and no truth.

    Raises yaml.YAMLError for text that is not YAML.
    """
    return yaml.load(text, yaml.BaseLoader)


def load_yaml(text: str) -> Any:
    """Return what YAML text says. Raises yaml.YAMLError for text that is not YAML or names a key twice."""
    return yaml.load(text, _Loader)


def named_parts(problem: Any) -> list[str]:
    """Return the keys that lead to a problem pydantic has found; the branches of a union, in brackets, are none."""
    *before, last = (str(part) for part in problem["loc"]) if problem["loc"] else ("[",)
    found = [part for part in before if "[" not in part]
    return [*found, last] if "[" not in last or problem["type"] == "extra_forbidden" else found
