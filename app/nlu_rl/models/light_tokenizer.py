"""A model folder's tokenizer and chat template without transformers, to count tokens before anything heavy loads.

Takes the place of transformers' tokenizer where `models.chat` writes and encodes a prompt; it decodes nothing.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nlu_rl.models.chat_template import find_template, render_template, special_tokens


class LightTokenizer:
    """Reads `tokenizer.json`."""

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.chat_template = find_template(folder)
        try:
            settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            settings = {}
        self._special = special_tokens(settings)

    def __call__(self, text: str, **_: Any) -> dict[str, list[int]]:
        """Return the token ids of a text, without special tokens around it."""
        return {"input_ids": self._tokenizer.encode(text, add_special_tokens=False).ids}

    def apply_chat_template(self, turns: Sequence[dict[str, str]], **_: Any) -> str:
        """Return the turns as text, up to where the assistant's begins. Raises jinja2.TemplateError."""
        return render_template(self.chat_template or "", turns, self._special)


def light_tokenizer(folder: Path) -> LightTokenizer | None:
    """Return the tokenizer of a model folder; None where it cannot be read this way."""
    try:
        return LightTokenizer(folder)
    except Exception:  # noqa: BLE001  the library raises no other kind
        return None
