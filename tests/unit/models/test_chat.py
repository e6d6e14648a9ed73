"""Prompts as the model sees them."""

import pytest

from nlu_rl.errors import ModelError
from nlu_rl.models.chat import encode_prompt, encode_target, render_prompt
from nlu_rl.tasks.contract import Message
from tiny_model import tiny_tokenizer

MESSAGES: list[Message] = [
    {"role": "system", "content": "S"},
    {"role": "user", "content": "U"},
    {"role": "assistant", "content": "<Judgement>"},
]


def test_the_prompt_ends_in_the_opening_tag() -> None:
    text = render_prompt(tiny_tokenizer(), MESSAGES)
    assert text == "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\n<Judgement>"


def test_a_template_without_a_system_turn_gets_its_text_from_the_user() -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = (
        "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
        "[{{ m['role'] }}] {{ m['content'] }}{% endfor %}"
    )
    assert render_prompt(tokenizer, MESSAGES) == "[user] S\n\nU<Judgement>"


def test_no_template_is_an_error_with_a_fix() -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = None
    with pytest.raises(ModelError, match="no chat template"):
        render_prompt(tokenizer, MESSAGES)


def test_prompt_and_target_are_tokenised_apart() -> None:
    tokenizer = tiny_tokenizer()
    prompt, target = encode_prompt(tokenizer, MESSAGES), encode_target(tokenizer, "yes</Judgement>")
    assert tokenizer.decode(prompt).endswith("<Judgement>")
    assert tokenizer.decode(target) == "yes</Judgement><|im_end|>"
