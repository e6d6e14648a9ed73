"""From chat messages to token ids, once and in one way, for training, evaluation, preview and export alike.

The chat template is applied to everything before the assistant's opening tag, the tag is appended as text, and the
whole is tokenised once with `add_special_tokens=False` (the template writes its own). A completion is tokenised apart
and concatenated by ids: tokenising prompt and completion as one text would move the boundary.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nlu_rl.errors import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from nlu_rl.tasks.contract import Message


def render_prompt(tokenizer: "PreTrainedTokenizerBase", messages: "Sequence[Message]") -> str:
    """Return the prompt exactly as the model sees it, ending in the assistant's opening tag.

    Raises:
        ModelError: the tokenizer has no chat template.
    """
    if not tokenizer.chat_template:
        raise ModelError(
            "The model has no chat template, so its prompts cannot be written.",
            "Use an instruction-tuned model, or add chat_template.jinja to its folder.",
        )
    *turns, opening = messages
    if opening["role"] != "assistant":
        raise ValueError("the last message must be the assistant's opening")
    text = _apply_template(tokenizer, [{"role": turn["role"], "content": turn["content"]} for turn in turns])
    if opening["content"] and text.endswith(opening["content"]):  # the template of an export opens the answer itself
        return text
    return text + opening["content"]


def _apply_template(tokenizer: "PreTrainedTokenizerBase", turns: list[dict[str, str]]) -> str:
    """Apply the chat template; one that refuses a system turn gets its text at the head of the user's."""
    from jinja2 import TemplateError

    try:
        return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))
    except TemplateError as error:
        if turns[0]["role"] != "system" or len(turns) < 2:
            raise ModelError(
                f"The model's chat template refuses the prompt: {error}.", "Use another instruction-tuned model."
            ) from None
        system, first, *rest = turns
        merged = {"role": first["role"], "content": f"{system['content']}\n\n{first['content']}"}
        return _apply_template(tokenizer, [merged, *rest])


def encode_prompt(tokenizer: "PreTrainedTokenizerBase", messages: "Sequence[Message]") -> list[int]:
    """Return the token ids of the prompt."""
    return encode_text(tokenizer, render_prompt(tokenizer, messages))


def encode_target(tokenizer: "PreTrainedTokenizerBase", target: str) -> list[int]:
    """Return the token ids of a right completion, with the end-of-text token after it."""
    return [*encode_text(tokenizer, target), tokenizer.eos_token_id]


def encode_text(tokenizer: "PreTrainedTokenizerBase", text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])
