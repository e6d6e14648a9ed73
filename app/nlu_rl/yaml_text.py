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
    if isinstance(error, yaml.MarkedYAMLError) and error.problem and error.problem_mark:
        context = f"{error.context}, " if error.context else ""
        return f"line {error.problem_mark.line + 1}: {context}{error.problem}"
    return " ".join(str(error).split())


def load_yaml(text: str) -> Any:
    """Return what YAML text says. Raises yaml.YAMLError for text that is not YAML or names a key twice."""
    return yaml.load(text, _Loader)
