"""The start-up self-check refuses what the engine would get wrong, and pads what it cannot pack."""

from typing import Any

import pytest
import torch

from nlu_rl.errors import ModelError
from nlu_rl.policy import packed
from nlu_rl.policy.attention import TrieLayout, trie_layout
from nlu_rl.policy.draws import Draws
from nlu_rl.policy.policy import Policy
from nlu_rl.policy.scores import Scores
from nlu_rl.policy.self_check import _tolerance, check_packed_path
from tiny_model import SIZES, tiny_causal_lm, tiny_tokenizer

PROMPTS, COMPLETIONS = [[1, 2, 3], [1, 2, 4, 5]], [[6, 7], [8]]


def test_logits_changed_after_the_head_are_refused() -> None:
    from transformers import GraniteConfig, GraniteForCausalLM

    torch.manual_seed(0)
    model = GraniteForCausalLM(GraniteConfig(**SIZES, logits_scaling=8.0)).eval()
    torch.nn.init.normal_(model.get_output_embeddings().weight, std=1.0)
    with pytest.raises(ModelError, match="after its head"):
        check_packed_path(Policy(model, tiny_tokenizer()), PROMPTS, COMPLETIONS)


def test_a_model_without_a_cache_is_refused() -> None:
    from transformers import MambaConfig, MambaForCausalLM

    model = MambaForCausalLM(MambaConfig(vocab_size=320, hidden_size=16, num_hidden_layers=1, state_size=4)).eval()
    with pytest.raises(ModelError, match="keeps no keys and values"):
        check_packed_path(Policy(model, tiny_tokenizer()), PROMPTS, COMPLETIONS)


def test_in_16_bits_what_padding_changes_is_rounding_and_a_broken_mask_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = Policy(tiny_causal_lm(attn_implementation="sdpa").bfloat16(), tiny_tokenizer())
    assert check_packed_path(policy, PROMPTS, COMPLETIONS) is None
    scored = torch.tensor([[-6.0, -0.1]])
    padded = Scores(scored + torch.tensor([[0.5, 0.0]]), scored, scored < 0)
    assert _tolerance(policy.backbone, padded, [Scores(scored, scored, scored < 0)]) == pytest.approx(0.75, abs=1e-5)

    def broken(*given: Any) -> TrieLayout:
        layout = trie_layout(*given)
        return TrieLayout(layout.keys, torch.ones_like(layout.mask))

    torch.nn.init.normal_(policy.backbone.head.weight, std=2.0)
    monkeypatch.setattr(packed, "trie_layout", broken)
    reason = check_packed_path(policy, PROMPTS, COMPLETIONS)
    assert reason is not None
    assert "the packed path differs" in reason
    assert not policy.packed


def test_of_long_prompts_only_a_part_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = Policy(tiny_causal_lm(), tiny_tokenizer())
    longest = 0
    right = policy.backbone.hidden

    def watched(**inputs: Any) -> Any:
        nonlocal longest
        longest = max(longest, inputs["input_ids"].shape[1])
        return right(**inputs)

    monkeypatch.setattr(policy.backbone, "hidden", watched)
    shared = [7] * 900
    assert check_packed_path(policy, [[*shared, *prompt] for prompt in PROMPTS], COMPLETIONS) is None
    assert longest < 600


def test_a_sliding_window_is_padded_and_samples() -> None:
    from transformers import MistralConfig, MistralForCausalLM

    torch.manual_seed(0)
    policy = Policy(MistralForCausalLM(MistralConfig(**SIZES, sliding_window=4)).eval(), tiny_tokenizer())
    reason = check_packed_path(policy, PROMPTS, COMPLETIONS)
    assert reason is not None
    assert "window" in reason
    long = [list(range(1, 30)), list(range(5, 20))]
    rollout = policy.sample(long, max_new_tokens=6, draws=Draws(1))
    with torch.no_grad():
        scores = policy.score(long, rollout.completions)
    for row, log_probs in enumerate(rollout.log_probs):
        assert scores.log_probs[row, : len(log_probs)].tolist() == pytest.approx(log_probs, abs=1e-4)
