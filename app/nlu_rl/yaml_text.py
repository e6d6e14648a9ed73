"""Reading what a person wrote as YAML: a key that is there twice is a mistake, where YAML silently takes the last.

As in YAML 1.2, `yes`, `no`, `on` and `off` are words: a list of answers may hold them.
"""

import re
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


_BOOLEAN = "tag:yaml.org,2002:bool"
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOLEAN]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_BOOLEAN, re.compile("(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))


def yaml_problem(error: yaml.YAMLError) -> str:
    """Return what is wrong with YAML text and in which line, without its quotation of the text."""
    if isinstance(error, yaml.MarkedYAMLError) and (mark := error.context_mark or error.problem_mark):
        return f"line {mark.line + 1}: " + ", ".join(filter(None, (error.context, error.problem)))
    return " ".join(str(error).split())


def load_yaml(text: str) -> Any:
    """Return what YAML text says. Raises yaml.YAMLError for text that is not YAML or names a key twice."""
    return yaml.load(text, _Loader)
