"""The packed path gives the padded path's log-probabilities, entropies, values and gradients."""

import copy
import random
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine_cases import CASES, GRADIENT_TOLERANCE, LOG_PROB_TOLERANCE, MODEL, assert_equal, gradients, lora, value_head
from nlu_rl.policy import attention, packed, prompt_states
from nlu_rl.policy.attention import TrieLayout, trie_layout
from nlu_rl.policy.backbone import Backbone
from nlu_rl.policy.decoding import Drawing, Started
from nlu_rl.policy.draws import Draws
from nlu_rl.policy.packed import packed_scores
from nlu_rl.policy.padded import padded_scores
from nlu_rl.policy.policy import Policy, Prompts
from nlu_rl.policy.prompt_states import PromptStates
from nlu_rl.policy.self_check import check_packed_path
from nlu_rl.policy.trie import Trie
from tiny_model import tiny_causal_lm, tiny_tokenizer


@pytest.mark.parametrize("architecture", ["llama", "qwen2"])
@pytest.mark.parametrize("case", CASES)
def test_packed_equals_padded(architecture: str, case: str) -> None:
    model, head = lora(architecture), value_head()
    prompts, completions = CASES[case]
    backbone = Backbone(model)
    results = [run(backbone, prompts, completions, value_head=head) for run in (packed_scores, padded_scores)]
    for name in ("log_probs", "entropy", "values"):
        ours, reference = (getattr(result, name) for result in results)
        assert torch.equal(results[0].mask, results[1].mask)
        assert (ours - reference).abs().max() < LOG_PROB_TOLERANCE, name
    ours, reference = (gradients(model, (r.log_probs.sin() + r.values.square() + r.entropy).sum()) for r in results)
    assert reference.norm() > 0
    assert (ours - reference).norm() / reference.norm() < GRADIENT_TOLERANCE


@pytest.mark.parametrize("architecture", ["llama", "qwen2"])
@pytest.mark.parametrize("case", CASES)
def test_scoring_goes_on_from_the_states_of_the_prompts(architecture: str, case: str) -> None:
    model, head = lora(architecture), value_head()
    prompts, completions = CASES[case]
    backbone = Backbone(model)
    states = PromptStates(backbone, [*prompts, [9, 9]])
    ours = packed_scores(backbone, prompts, completions, value_head=head, states=states)
    reference = padded_scores(backbone, prompts, completions, value_head=head)
    assert_equal(model, ours, reference)


def test_the_states_of_prompts_serve_sampling_and_are_kept_only_where_one_pass_holds_all() -> None:
    policy = Policy(MODEL, tiny_tokenizer())
    prompts = [[1, 2, 3, 4], [1, 2, 5], [1, 2, 3]]
    states = policy.read_prompts(prompts, n=2, max_new_tokens=4)
    assert states is not None
    assert states.has_gradient
    options = {"n": 2, "max_new_tokens": 4, "stop": "", "draws": Draws(3)}
    plain, kept = policy.sample(prompts, **options), policy.sample(prompts, **options, states=states)
    assert plain.completions == kept.completions
    assert torch.allclose(torch.tensor(plain.log_probs), torch.tensor(kept.log_probs), atol=1e-5)
    policy.max_tokens = 20
    assert policy.read_prompts(prompts, n=2, max_new_tokens=4) is None
    policy.packed = False
    assert policy.read_prompts(prompts, max_new_tokens=1) is None


@pytest.mark.parametrize("packed", [True, False])
def test_nothing_to_score_is_nothing(packed: bool) -> None:
    policy = Policy(MODEL, tiny_tokenizer())
    policy.packed = packed
    scores = policy.score([[1, 2], [3]], [[], []])
    assert scores.log_probs.shape == scores.mask.shape == (2, 0)


def errors_to_exact(model: torch.nn.Module, dtype: torch.dtype, prompts: Prompts, completions: Prompts) -> list[float]:
    """How far the packed and the padded path are from the same weights in float64: log-probabilities and gradients."""
    head = value_head().double()
    truth = padded_scores(Backbone(copy.deepcopy(model).double()), prompts, completions, value_head=head)
    found = []
    for run in (packed_scores, padded_scores):
        low = copy.deepcopy(model)
        for module in low.modules():  # adapters stay float32, as in a run
            for name, parameter in module.named_parameters(recurse=False):
                if not parameter.requires_grad:
                    setattr(module, name, torch.nn.Parameter(parameter.to(dtype), requires_grad=False))
        scores = run(Backbone(low), prompts, completions)
        found.append(float((scores.log_probs - truth.log_probs).detach().abs().max()))
        assert scores.entropy.shape == truth.entropy.shape
        assert torch.isfinite(gradients(low, scores.log_probs.sum())).all()
    return found


@pytest.mark.parametrize("case", CASES)
def test_in_bfloat16_packing_is_no_less_exact_than_padding(case: str) -> None:
    packed_error, padded_error = errors_to_exact(lora(), torch.bfloat16, *CASES[case])
    assert 0 < packed_error < max(2 * padded_error, 0.1)


@pytest.mark.parametrize("architecture", ["llama", "qwen2"])
def test_in_four_bits_packed_equals_padded(architecture: str) -> None:
    bnb = pytest.importorskip("bitsandbytes")
    model, head = lora(architecture), value_head()
    for layer in [m for m in model.modules() if hasattr(m, "base_layer")]:
        weight, bias = layer.base_layer.weight.data, layer.base_layer.bias
        quantized = bnb.nn.Linear4bit(
            *reversed(weight.shape), bias=bias is not None, quant_type="nf4", compress_statistics=True
        )
        quantized.weight = bnb.nn.Params4bit(weight, requires_grad=False, quant_type="nf4", compress_statistics=True)
        if bias is not None:
            quantized.bias = torch.nn.Parameter(torch.randn_like(bias), requires_grad=False)
        layer.base_layer = quantized.to("cpu")
    prompts, completions = CASES["a group of completions"]
    results = [r(Backbone(model), prompts, completions, value_head=head) for r in (packed_scores, padded_scores)]
    for name in ("log_probs", "entropy", "values"):
        ours, reference = (getattr(result, name) for result in results)
        assert (ours - reference).abs().max() < LOG_PROB_TOLERANCE, name
    ours, reference = (gradients(model, r.log_probs.sin().sum() + r.values.square().sum()) for r in results)
    assert (ours - reference).norm() < GRADIENT_TOLERANCE * reference.norm()


def test_mpt_padded_equals_its_own_forward_pass() -> None:
    """ALiBi takes no positions; each row alone, without padding, is the truth."""
    model = lora("mpt")
    policy = Policy(model, tiny_tokenizer())
    prompts, completions = CASES["ragged rows with a common prefix"]
    assert not policy.packed
    scores = policy.score(prompts, completions)
    for row, (prompt, completion) in enumerate(zip(prompts, completions, strict=True)):
        logits = model(input_ids=torch.tensor([prompt + completion])).logits[0, len(prompt) - 1 : -1]
        own = logits.log_softmax(-1).gather(1, torch.tensor(completion)[:, None])[:, 0]
        assert (scores.log_probs[row, : len(completion)] - own).abs().max() < LOG_PROB_TOLERANCE


@pytest.mark.parametrize(
    "changes", [{"num_key_value_heads": 4}, {"tie_word_embeddings": True}, {"num_key_value_heads": 1}]
)
def test_variants_of_attention_and_head(changes: dict[str, object]) -> None:
    backbone = Backbone(lora(**changes))
    prompts, completions = CASES["ragged rows with a common prefix"]
    difference = (
        packed_scores(backbone, prompts, completions).log_probs
        - padded_scores(backbone, prompts, completions).log_probs
    )
    assert difference.abs().max() < LOG_PROB_TOLERANCE


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_random_tries(seed: int) -> None:
    rng = random.Random(seed)

    def grow(prefix: list[int], depth: int) -> list[list[int]]:
        if depth == 0:
            return [prefix + [rng.randrange(256) for _ in range(rng.randint(1, 4))]]
        node = prefix + [rng.randrange(256) for _ in range(rng.randint(0, 5))]
        return [row for _ in range(rng.randint(1, 3)) for row in grow(node, depth - 1)]

    prompts = grow([], rng.randint(1, 4))
    completions = [[rng.randrange(256) for _ in range(rng.randint(1, 5))] for _ in prompts]
    policy = Policy(MODEL, tiny_tokenizer(), max_tokens=rng.choice([8, 30, 1000]))
    with torch.no_grad():
        ours = policy.score(prompts, completions)
        reference = padded_scores(policy.backbone, prompts, completions)
    assert torch.equal(ours.mask, reference.mask)
    assert (ours.log_probs - reference.log_probs).abs().max() < LOG_PROB_TOLERANCE


@pytest.mark.parametrize("length", [1, 31, 32, 33, 64, 300])
def test_blocks_of_long_rows(length: int) -> None:
    """Rows across several blocks, of both sizes, the last one whole or not."""
    rng = random.Random(length)
    prefix = [rng.randrange(256) for _ in range(length)]
    prompts = [prefix + [rng.randrange(256) for _ in range(rng.randint(0, 40))] for _ in range(7)]
    completions = [[rng.randrange(256) for _ in range(rng.randint(1, 5))] for _ in prompts]
    backbone = Backbone(lora(num_key_value_heads=2))
    results = [run(backbone, prompts, completions) for run in (packed_scores, padded_scores)]
    assert (results[0].log_probs - results[1].log_probs).abs().max() < LOG_PROB_TOLERANCE


def broken_layout(trie: Trie, device: torch.device, *some: Any) -> TrieLayout:
    """Let every node see one node more than its own prefix."""
    right = trie_layout(trie, device, *some)
    mask = right.mask.clone()
    unseen = (~mask).float().argmax(-1, keepdim=True)
    return TrieLayout(right.keys, mask.scatter(-1, unseen, True))


def test_a_broken_mask_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = Policy(MODEL, tiny_tokenizer())
    prompts, completions = CASES["ragged rows with a common prefix"]
    assert check_packed_path(policy, prompts, completions) is None
    assert policy.packed
    monkeypatch.setattr(packed, "trie_layout", broken_layout)
    monkeypatch.setattr(prompt_states, "trie_layout", broken_layout)
    reason = check_packed_path(policy, prompts, completions)
    assert reason is not None
    assert "differs" in reason
    assert not policy.packed


def test_a_broken_decoding_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = Policy(MODEL, tiny_tokenizer())
    right = attention._decoding_attention

    def broken(query: torch.Tensor, *rest: torch.Tensor) -> torch.Tensor:
        return right(query * 1.5, *rest)

    monkeypatch.setattr(attention, "_decoding_attention", broken)
    reason = check_packed_path(policy, *CASES["ragged rows with a common prefix"])
    assert reason is not None
    assert "differs" in reason
    assert not policy.packed


def test_mpt_falls_back_to_padding_and_says_so() -> None:
    policy = Policy(tiny_causal_lm("mpt"), tiny_tokenizer())
    reason = check_packed_path(policy, [[1, 2, 3], [1, 2]], [[4], [5, 6]])
    assert reason is not None
    assert not policy.packed
    assert policy.score([[1, 2, 3], [1, 2]], [[4], [5, 6]]).log_probs.shape == (2, 2)


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "mpt"])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_sampling_agrees_with_scoring_and_with_any_batch(architecture: str, temperature: float) -> None:
    model = lora(architecture)
    prompts = [[1, 2, 3, 4, 5], [1, 2, 3], [9, 8], [1, 2, 3, 4, 5]]
    draws = Draws(seed=7, step=3)
    whole = Policy(model, tiny_tokenizer()).sample(prompts, n=3, temperature=temperature, max_new_tokens=6, draws=draws)
    small = Policy(model, tiny_tokenizer(), max_tokens=4)
    in_pieces = small.sample(prompts, n=3, temperature=temperature, max_new_tokens=6, draws=draws)
    assert in_pieces.completions == whole.completions
    repeated = [prompt for prompt in prompts for _ in range(3)]
    with torch.no_grad():
        scores = small.score(repeated, whole.completions, temperature=temperature or 1.0)
    for row, log_probs in enumerate(whole.log_probs):
        assert scores.log_probs[row, : len(log_probs)].tolist() == pytest.approx(log_probs, abs=1e-4)
    if temperature:
        assert len({tuple(c) for c in whole.completions}) > 6
    else:
        assert whole.completions[0] == whole.completions[1] == whole.completions[9]


def test_few_rows_are_decoded_together_when_their_cache_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    from nlu_rl.policy import policy as module

    right, together = module.decode, []

    def watched(drawing: Drawing, started: Started) -> None:
        together.append(len(started.rows))
        right(drawing, started)

    monkeypatch.setattr(module, "decode", watched)
    policy = Policy(MODEL, tiny_tokenizer())
    prompts = [[1, 2, number] for number in range(10)]
    free = policy.sample(prompts, n=2, max_new_tokens=5, draws=Draws(1))
    policy.max_cache_bytes = 3 * 2 * (1 + 5) * policy.backbone.cache_bytes_per_token
    tight = policy.sample(prompts, n=2, max_new_tokens=5, draws=Draws(1))
    assert together == [20, 6, 6, 6, 2]
    assert tight.completions == free.completions


def test_rows_keep_their_draws_when_evaluated_alone() -> None:
    policy = Policy(MODEL, tiny_tokenizer())
    prompts = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    together = policy.sample(prompts, max_new_tokens=5, draws=Draws(1))
    alone = policy.sample(prompts[2:], max_new_tokens=5, draws=Draws(1, rows=[2]))
    assert alone.completions[0] == together.completions[2]


def test_a_row_ends_at_the_stop_text_or_the_end_token() -> None:
    policy = Policy(MODEL, tiny_tokenizer())
    free = policy.sample([[1, 2, 3]], max_new_tokens=12, draws=Draws(5))
    assert len(free.completions[0]) == 12
    assert free.finished == [False]
    stop = policy.tokenizer.decode(free.completions[0][3:5])
    stopped = policy.sample([[1, 2, 3]], stop=stop, max_new_tokens=12, draws=Draws(5))
    assert stopped.finished == [True]
    assert stopped.texts[0].endswith(stop)
    assert len(stopped.completions[0]) <= 5
