"""The token ids of the prompts of an evaluation, each with room for an answer in the model's context."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nlu_rl.errors import DataError
from nlu_rl.tasks.contract import CLOSE_TAG, Example, Task
from nlu_rl.tasks.passage import fit_prompt


class PromptTooLongError(DataError):
    """A prompt that does not fit the model, and cannot be made to."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """Token ids in 4 bytes each, as a large split has tens of millions; `shortened` where the passage had to be cut."""

    ids: "array[int]"
    shortened: bool


def likely_completions(tokenizer: Any, task: Task) -> list[list[int]]:
    """Return the token ids of the completions to expect of any row: the task's answers, if it has a list of them."""
    from nlu_rl.models.chat import encode_text

    return [encode_text(tokenizer, answer + CLOSE_TAG) for answer in task.answers or ()]


def encode_rows(
    policy: Any, task: Task, examples: Sequence[Example], max_new_tokens: int, shots: Sequence[Example] = ()
) -> list[Prompt]:
    """Return the prompt of every example.

    Raises:
        PromptTooLongError: it does not fit the model, and there is no passage to cut, or not enough of one.
    """
    from nlu_rl.models.chat import encode_prompt

    config = getattr(getattr(policy, "model", None), "config", None)
    context = getattr(config, "max_position_embeddings", None)
    limit = context - max_new_tokens if isinstance(context, int) else None
    prompts = []
    for example in examples:
        fitted = fit_prompt(task, example, lambda messages: encode_prompt(policy.tokenizer, messages), limit, shots)
        if limit is not None and len(fitted.ids) > limit:
            raise PromptTooLongError(
                f"Row '{example.id}' of {task.name} makes a prompt of {len(fitted.ids)} tokens; with {max_new_tokens} "
                f"new ones it does not fit the model's {context}.",
                "Shorten the row, or use fewer --shots.",
            )
        prompts.append(Prompt(array("i", fitted.ids), fitted.shortened))
    return prompts
