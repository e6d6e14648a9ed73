"""A policy without a model: its answers are a pure function of the prompt's ids and of the draws."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nlu_rl.policy.draws import Draws


@dataclass
class FakeRollout:
    texts: list[str]


class FakeTokenizer:
    """One token a byte."""

    chat_template = "yes"
    eos_token_id = 0

    def apply_chat_template(self, turns: Any, **_: Any) -> str:
        return "".join(f"[{turn['role']}]{turn['content']}" for turn in turns)

    def __call__(self, text: str, **_: Any) -> dict[str, list[int]]:
        return {"input_ids": list(text.encode())}


class FakePolicy:
    """Draws one of `answers` for each completion; greedy takes the first. `calls` are the sizes of its batches."""

    def __init__(self, answers: Sequence[str], choose: Callable[[str], str] | None = None) -> None:
        self.tokenizer = FakeTokenizer()
        self.answers = list(answers)
        self.choose = choose
        self.calls: list[int] = []

    def sample(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        n: int,
        temperature: float,
        stop: str,
        max_new_tokens: int,
        draws: Draws,
        likely: Sequence[Sequence[Sequence[int]]] = (),
        progress: Callable[[int, int], None] | None = None,
    ) -> FakeRollout:
        assert all(isinstance(prompt, list) for prompt in prompts)
        assert len(likely) == len(prompts)
        self.calls.append(len(prompts))
        rows = np.repeat(np.arange(len(prompts)), n)
        uniform = draws.uniform(rows, np.tile(np.arange(n), len(prompts)), np.zeros(len(rows), np.int64))
        texts = []
        for row, number in zip(rows.tolist(), uniform.tolist(), strict=True):
            prompt = bytes(prompts[row]).decode()
            place = 0 if temperature == 0 else int(number * len(self.answers))
            texts.append(self.choose(prompt) if self.choose else self.answers[place])
        if progress:
            progress(len(texts), len(texts))
        return FakeRollout(texts)
