"""Completions that are likely, and rows that are still equal: less work, the same samples and scores."""

import random
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine_cases import CASES, GRADIENT_TOLERANCE, LOG_PROB_TOLERANCE, MODEL, assert_equal, gradients, lora, value_head
from nlu_rl.evaluation.prompts import likely_completions
from nlu_rl.policy.decoding import MOST_BEGUN
from nlu_rl.policy.draws import Draws
from nlu_rl.policy.packed import packed_scores
from nlu_rl.policy.padded import padded_scores
from nlu_rl.policy.policy import Policy, Prompts
from nlu_rl.policy.prompt_states import PromptStates
from nlu_rl.tasks.registry import get_task
from tiny_model import tiny_tokenizer

PROMPTS = [[1, 2, 3, 4, 5], [1, 2, 3], [9, 8], [1, 2, 3, 4, 5]]


def watch_passes(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Return the list to which the shape of the token ids of every pass of the trunk is added."""
    shapes: list[tuple[int, ...]] = []
    right = policy.backbone.hidden

    def watched(**inputs: Any) -> Any:
        shapes.append(tuple(inputs["input_ids"].shape))
        return right(**inputs)

    monkeypatch.setattr(policy.backbone, "hidden", watched)
    return shapes


def by_prompt(completions: Prompts, n: int) -> list[Prompts]:
    return [completions[start : start + n] for start in range(0, len(completions), n)]


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "mpt"])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_what_is_likely_changes_no_sample(architecture: str, temperature: float) -> None:
    policy = Policy(lora(architecture), tiny_tokenizer())
    options: dict[str, Any] = {"n": 3, "temperature": temperature, "max_new_tokens": 6, "draws": Draws(7, 3)}
    plain = policy.sample(PROMPTS, **options)
    whole = by_prompt(plain.completions, 3)
    wrong_end = [[[*completion[:3], 99, 98] for completion in some] for some in whole]
    for likely in (whole, wrong_end, [[[7, 7], [5]], [], [[3, 3, 3]], []]):
        ahead = policy.sample(PROMPTS, **options, likely=likely)
        assert (ahead.completions, ahead.texts, ahead.finished) == (plain.completions, plain.texts, plain.finished)
        for ours, reference in zip(ahead.log_probs, plain.log_probs, strict=True):
            assert ours == pytest.approx(reference, abs=LOG_PROB_TOLERANCE)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_any_completions_may_be_likely(seed: int) -> None:
    rng = random.Random(seed)
    prompts = [[rng.randrange(4) for _ in range(rng.randint(1, 6))] for _ in range(rng.randint(1, 5))]
    policy = Policy(MODEL, tiny_tokenizer(), max_tokens=rng.choice([6, 40, 1000]))
    options: dict[str, Any] = {"n": rng.randint(1, 3), "max_new_tokens": 5, "stop": "", "draws": Draws(seed)}
    plain = policy.sample(prompts, **options)
    likely = []
    for some in by_prompt(plain.completions, options["n"]):
        cut = [completion[: rng.randint(1, 5)] for completion in some]
        likely.append([completion + [rng.randrange(256)] * rng.randint(0, 2) for completion in cut])
    assert policy.sample(prompts, **options, likely=likely).completions == plain.completions


def test_rows_that_go_on_as_is_likely_take_one_pass_together(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = Policy(MODEL, tiny_tokenizer())
    options: dict[str, Any] = {"max_new_tokens": 6, "stop": "", "draws": Draws(2)}
    completions = policy.sample(PROMPTS[:3], **options).completions
    likely = [[completion, [199, 198]] for completion in completions]  # of the second nothing is read
    passes = watch_passes(policy, monkeypatch)
    states = policy.read_prompts(PROMPTS[:3], max_new_tokens=6)
    assert states is not None
    assert policy.sample(PROMPTS[:3], **options, likely=likely, states=states).completions == completions
    policy.score(PROMPTS[:3], completions, states=states)
    assert passes == [(1, 7), (1, 15)]  # the prompts' trie, then all but the last token of three completions

    likely[1] = [[*completions[1][:2], 200, 201]]
    passes.clear()
    policy.sample(PROMPTS[:3], **options, likely=likely)
    assert [shape[0] for shape in passes[2:]] == [1] * 3  # one row, from its third token on; the sixth is not read


def test_many_completions_that_begin_alike_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = Policy(MODEL, tiny_tokenizer())
    options: dict[str, Any] = {"max_new_tokens": 3, "stop": "", "draws": Draws(2)}
    first = policy.sample([[1, 2]], **options).completions[0][0]
    passes = watch_passes(policy, monkeypatch)
    policy.sample([[1, 2]], **options, likely=[[[first, i, 9] for i in range(MOST_BEGUN + 1)]])
    assert passes == [(1, 2), (1, 1), (1, 1)]


def test_equal_completions_of_a_prompt_are_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = Policy(MODEL, tiny_tokenizer())
    passes = watch_passes(policy, monkeypatch)
    policy.sample(PROMPTS, n=8, temperature=0.0, max_new_tokens=5, stop="", draws=Draws(1))
    assert [shape[0] for shape in passes[1:]] == [3] * 4  # two of the four prompts are the same
    passes.clear()
    rollout = policy.sample(PROMPTS[2:3], n=8, temperature=0.3, max_new_tokens=5, stop="", draws=Draws(1))
    distinct = [len({tuple(completion[:length]) for completion in rollout.completions}) for length in range(1, 5)]
    assert [shape[0] for shape in passes[1:]] == distinct
    assert 1 < distinct[-1] <= 8


@pytest.mark.parametrize("case", CASES)
def test_scoring_goes_on_from_whatever_was_read(case: str) -> None:
    model, head = lora(), value_head()
    prompts, completions = CASES[case]
    backbone = Policy(model, tiny_tokenizer()).backbone
    states = PromptStates(backbone, prompts)
    for begun in ([*prompts[0], *completions[0][:1], 77], [*prompts[-1], 5, 5, 5]):
        states.read([begun])
    ours = packed_scores(backbone, prompts, completions, value_head=head, states=states)
    reference = padded_scores(backbone, prompts, completions, value_head=head)
    assert_equal(model, ours, reference)


def test_the_answers_of_a_task_are_what_is_likely() -> None:
    tokenizer: Any = tiny_tokenizer()
    found = [tokenizer.decode(ids) for ids in likely_completions(tokenizer, get_task("sst2"))]
    assert found == ["negative</Judgement>", "positive</Judgement>"]
    assert likely_completions(tokenizer, get_task("stsb")) == []


def test_the_states_serve_the_gradient_of_what_was_sampled() -> None:
    """A run's first epoch: sampled from the states, scored from them, with the prompts' graph."""
    policy = Policy(lora(), tiny_tokenizer())
    options: dict[str, Any] = {"max_new_tokens": 4, "stop": "", "draws": Draws(1)}
    completions = policy.sample(PROMPTS[:3], **options).completions
    likely = [[completions[0]], [[*completions[1][:2], 99, 98]], []]
    states = policy.read_prompts(PROMPTS[:3], max_new_tokens=4)
    rollout = policy.sample(PROMPTS[:3], **options, likely=likely, states=states)
    assert rollout.completions == completions
    found = [
        gradients(policy.model, policy.score(PROMPTS[:3], rollout.completions, states=known).log_probs.sum())
        for known in (states, None)
    ]
    assert (found[0] - found[1]).norm() / found[1].norm() < GRADIENT_TOLERANCE
    with torch.no_grad():
        scores = policy.score(PROMPTS[:3], rollout.completions)
    for row, log_probs in enumerate(rollout.log_probs):
        assert scores.log_probs[row, : len(log_probs)].tolist() == pytest.approx(log_probs, abs=LOG_PROB_TOLERANCE)
