"""On a CUDA card: the packed path agrees with the padded one in the types a card computes in."""

import pytest
import torch

from nlu_rl.policy.draws import Draws
from nlu_rl.policy.policy import Policy
from nlu_rl.policy.self_check import check_packed_path
from tiny_model import tiny_causal_lm, tiny_tokenizer

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA card")]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_engine_agrees_with_padding_on_the_card(dtype: torch.dtype) -> None:
    policy = Policy(tiny_causal_lm().to("cuda", dtype), tiny_tokenizer())
    prompts, completions = [[1, 2, 3, 4], [1, 2, 3, 5, 6], [7]], [[8, 9], [10], [11, 12, 13]]
    assert check_packed_path(policy, prompts, completions) is None
    rollout = policy.sample(prompts, n=2, max_new_tokens=5, draws=Draws(1))
    assert len(rollout.completions) == 6
