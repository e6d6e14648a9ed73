"""Rows as an encoder's tensors: tokenised once, padded batch by batch (heavy)."""

from collections.abc import Sequence
from typing import Any

import torch
from torch.utils.data import Dataset
from transformers import DataCollatorWithPadding

from nlu_rl.encoder.texts import Form, texts_of
from nlu_rl.tasks.base import DatasetTask
from nlu_rl.tasks.contract import Example


class EncodedRows(Dataset):  # type: ignore[type-arg]
    """Examples as the tokenizer's lists of ids, `labels` where they are known. The longer of two texts is cut first."""

    def __init__(
        self, task: DatasetTask, form: Form, examples: Sequence[Example], tokenizer: Any, max_tokens: int
    ) -> None:
        self.features = [_encoded(task, form, example, tokenizer, max_tokens) for example in examples]

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, place: int) -> dict[str, Any]:
        return self.features[place]

    def length(self, place: int) -> int:
        """Return the number of tokens of a row; of several choices, those of the first."""
        ids = self.features[place]["input_ids"]
        return len(ids[0] if ids and isinstance(ids[0], list) else ids)


def _encoded(task: DatasetTask, form: Form, example: Example, tokenizer: Any, max_tokens: int) -> dict[str, Any]:
    pairs = texts_of(task, example)
    parts = [tokenizer(first, second, truncation="longest_first", max_length=max_tokens) for first, second in pairs]
    features = {name: [part[name] for part in parts] for name in parts[0]} if form.kind == "choice" else dict(parts[0])
    if example.gold is not None:
        features["labels"] = form.label(example.gold)
    return features


class ChoiceCollator:
    """Pads rows of several choices together; transformers' own wants labels, which rows to be answered have not."""

    def __init__(self, tokenizer: Any) -> None:
        self.pad = DataCollatorWithPadding(tokenizer)

    def __call__(self, rows: Sequence[dict[str, Any]]) -> Any:
        """Return tensors of shape (rows, choices, tokens), and `labels` (rows) where they are known."""
        names = [name for name in rows[0] if name != "labels"]
        choices = len(rows[0]["input_ids"])
        batch = self.pad([{name: row[name][i] for name in names} for row in rows for i in range(choices)])
        for name in names:
            batch[name] = batch[name].view(len(rows), choices, -1)
        if "labels" in rows[0]:
            batch["labels"] = torch.tensor([row["labels"] for row in rows])
        return batch


def collator(form: Form, tokenizer: Any) -> Any:
    """Return what pads a batch."""
    return ChoiceCollator(tokenizer) if form.kind == "choice" else DataCollatorWithPadding(tokenizer)
