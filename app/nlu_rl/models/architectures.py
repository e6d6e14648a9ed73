"""Whether the installed transformers knows an architecture as a causal language model, without importing it.

Its own table is read as source text: a list kept here would be out of date with the next release.
"""

import ast
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_TABLE = "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES"


def is_causal_lm(model_type: str) -> bool:
    """Return whether a `model_type` can be loaded as a causal language model; True when the table cannot be read."""
    known = causal_lm_types()
    return not known or model_type in known


@cache
def causal_lm_types() -> frozenset[str]:
    """Return every `model_type` in the table; empty without transformers, or with one whose table looks otherwise."""
    spec = find_spec("transformers")
    if spec is None or spec.origin is None:
        return frozenset()
    try:
        source = (Path(spec.origin).parent / "models/auto/modeling_auto.py").read_text(encoding="utf-8")
        start = source.index(f"\n{_TABLE} = OrderedDict(")
        rows = ast.literal_eval(source[source.index("[", start) : source.index("\n)", start)].strip())
        return frozenset(model_type for model_type, _ in rows)
    except (OSError, ValueError, SyntaxError, TypeError):
        return frozenset()
