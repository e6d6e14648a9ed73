"""Whether the installed transformers knows an architecture as a causal language model, without importing it.

Its own tables are read as source text: lists kept here would be out of date with the next release.
"""

import ast
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_BOTH_WAYS = ("xlnet",)  # reads both ways, and is in no table that says so

STATE_SPACE = ("falcon_h1", "falcon_mamba", "mamba", "mamba2", "nemotron_h", "rwkv")
"""Of which peft refuses to adapt the layers, or which keep no keys and values."""


def is_causal_lm(model_type: str) -> bool:
    """Return whether a `model_type` can be loaded as a causal language model; True when the table cannot be read."""
    known = causal_lm_types()
    return not known or model_type in known


def reads_one_way(config: Mapping[str, Any]) -> bool:
    """Return whether the model of this `config.json` is a decoder alone: each token sees only those before it."""
    model_type = config.get("model_type")
    if config.get("is_encoder_decoder") or config.get("use_bidirectional_attention"):
        return False
    if config.get("is_decoder"):
        return True
    if model_type in _BOTH_WAYS or model_type in _types("MASKED_LM"):
        return False
    named = config.get("architectures") or ()
    return model_type in causal_lm_types() or any(str(name).endswith(("ForCausalLM", "LMHeadModel")) for name in named)


@cache
def has_conv1d(model_type: str) -> bool:
    """Return whether the layers of an architecture are GPT-2's Conv1D, which hold their weights the other way round."""
    spec = find_spec("transformers")
    if spec is None or spec.origin is None:
        return False
    name = model_type.replace("-", "_")
    try:
        source = Path(spec.origin).parent / f"models/{name.removeprefix('openai_')}/modeling_{name}.py"
        return " Conv1D(" in source.read_text(encoding="utf-8")
    except OSError:
        return False


def causal_lm_types() -> frozenset[str]:
    """Return every causal `model_type`; empty without transformers, or with one whose table looks otherwise."""
    return _types("CAUSAL_LM")


@cache
def _types(head: str) -> frozenset[str]:
    table = f"MODEL_FOR_{head}_MAPPING_NAMES"
    spec = find_spec("transformers")
    if spec is None or spec.origin is None:
        return frozenset()
    try:
        source = (Path(spec.origin).parent / "models/auto/modeling_auto.py").read_text(encoding="utf-8")
        start = source.index(f"\n{table} = OrderedDict(")
        rows = ast.literal_eval(source[source.index("[", start) : source.index("\n)", start)].strip())
        return frozenset(model_type for model_type, _ in rows)
    except (OSError, ValueError, SyntaxError, TypeError):
        return frozenset()
