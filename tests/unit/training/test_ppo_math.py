"""PPO's mathematics against values worked out by hand."""

import math

import pytest
import torch

from nlu_rl.training.ppo_math import (
    adapted_kl_coefficient,
    gae,
    kl_estimate,
    masked_mean,
    policy_loss,
    td_targets,
    token_rewards,
    value_loss,
    whiten,
)

MASK = torch.tensor([[True, True, True], [True, True, False]])


def rows(*values: list[float]) -> torch.Tensor:
    return torch.tensor(values)


def test_the_task_reward_falls_on_the_last_token_and_the_penalty_on_each() -> None:
    penalty = rows([0.1, 0.2, 0.3], [0.1, 0.2, 9.0])
    rewards = token_rewards(torch.tensor([1.0, -1.0]), penalty, MASK)
    assert torch.allclose(rewards, rows([-0.1, -0.2, 0.7], [-0.1, -1.2, 0.0]))


def test_gae_by_hand() -> None:
    # Row 0, gamma 0.9, lambda 0.5:
    #   delta_2 = 1 - 0.4 = 0.6                          A_2 = 0.6
    #   delta_1 = 0 + 0.9 * 0.4 - 0.3 = 0.06             A_1 = 0.06 + 0.45 * 0.6 = 0.33
    #   delta_0 = 0 + 0.9 * 0.3 - 0.2 = 0.07             A_0 = 0.07 + 0.45 * 0.33 = 0.2185
    # Row 1 ends after two tokens:
    #   delta_1 = -1 - 0.5 = -1.5, delta_0 = 0.9 * 0.5 - 0.1 = 0.35, A_0 = 0.35 - 0.45 * 1.5 = -0.325
    rewards = rows([0.0, 0.0, 1.0], [0.0, -1.0, 0.0])
    values = rows([0.2, 0.3, 0.4], [0.1, 0.5, 7.0])
    advantages = gae(rewards, values, MASK, gamma=0.9, gae_lambda=0.5)
    assert torch.allclose(advantages, rows([0.2185, 0.33, 0.6], [-0.325, -1.5, 0.0]), atol=1e-6)


def test_gae_with_lambda_one_is_return_minus_value() -> None:
    rewards = rows([0.5, 0.0, 1.0], [0.25, -1.0, 0.0])
    values = rows([0.2, 0.3, 0.4], [0.1, 0.5, 7.0])
    advantages = gae(rewards, values, MASK, gamma=1.0, gae_lambda=1.0)
    assert torch.allclose(advantages + values * MASK, rows([1.5, 1.0, 1.0], [-0.75, -1.0, 0.0]), atol=1e-6)


def test_td_targets_are_equation_1() -> None:
    rewards = rows([0.0, 0.0, 1.0], [0.0, -1.0, 0.0])
    values = rows([0.2, 0.3, 0.4], [0.1, 0.5, 7.0])
    assert torch.allclose(td_targets(rewards, values, MASK, 0.9), rows([0.27, 0.36, 1.0], [0.45, -1.0, 0.0]))


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss", "clipped"),
    [
        (1.0, 2.0, -2.0, False),
        (1.5, 2.0, -2.4, True),
        (0.5, 2.0, -1.0, False),
        (0.5, -2.0, 1.6, True),
        (1.5, -2.0, 3.0, False),
    ],
)
def test_the_clipped_surrogate(ratio: float, advantage: float, loss: float, clipped: bool) -> None:
    log_probs = torch.tensor([[math.log(ratio)]], requires_grad=True)
    losses, was_clipped = policy_loss(log_probs, torch.zeros(1, 1), torch.tensor([[advantage]]), clip=0.2)
    assert losses.item() == pytest.approx(loss, abs=1e-6)
    assert was_clipped.item() is clipped
    losses.sum().backward()
    assert (log_probs.grad.item() == 0) is clipped


def test_a_better_than_expected_token_becomes_more_likely() -> None:
    log_probs = torch.tensor([[-1.0]], requires_grad=True)
    policy_loss(log_probs, torch.tensor([[-1.0]]), torch.tensor([[1.0]]), 0.2)[0].sum().backward()
    assert log_probs.grad.item() == pytest.approx(-1.0)


def test_value_loss_with_and_without_clipping() -> None:
    values, old, targets = torch.tensor([[1.0]]), torch.tensor([[0.0]]), torch.tensor([[1.0]])
    assert value_loss(values, old, targets, None).item() == 0.0
    assert value_loss(values, old, targets, 0.2).item() == pytest.approx(0.32)


@pytest.mark.parametrize(("estimator", "expected"), [("k1", 0.5), ("k2", 0.125), ("k3", math.exp(-0.5) - 1 + 0.5)])
def test_kl_estimators(estimator: str, expected: float) -> None:
    assert kl_estimate(torch.tensor([[-1.0]]), torch.tensor([[-1.5]]), estimator).item() == pytest.approx(expected)


def test_estimators_agree_with_the_exact_kl() -> None:
    generator = torch.Generator().manual_seed(1)
    p, q = torch.randn(20, generator=generator).log_softmax(0), torch.randn(20, generator=generator).log_softmax(0)
    exact = (p.exp() * (p - q)).sum()
    for estimator in ("k1", "k3"):
        assert (p.exp() * kl_estimate(p, q, estimator)).sum() == pytest.approx(exact.item(), rel=1e-4)


def test_whitening_ignores_padding_and_survives_constants() -> None:
    white = whiten(rows([1.0, 2.0, 3.0], [4.0, 5.0, 99.0]), MASK)
    assert white[1, 2] == 0
    assert masked_mean(white, MASK).item() == pytest.approx(0, abs=1e-6)
    assert white[MASK].std().item() == pytest.approx(1)
    assert torch.equal(whiten(torch.full((2, 3), 7.0), MASK), torch.zeros(2, 3))
    one = torch.zeros(1, 1, dtype=torch.bool)
    assert torch.equal(whiten(torch.ones(1, 1), one), torch.zeros(1, 1))


def test_the_kl_coefficient_moves_towards_the_target_slowly() -> None:
    assert adapted_kl_coefficient(0.1, kl=12.0, target=6.0, completions=1000) == pytest.approx(0.1 * 1.02)
    assert adapted_kl_coefficient(0.1, kl=3.0, target=6.0, completions=1000) == pytest.approx(0.1 * 0.98)
    assert adapted_kl_coefficient(0.1, kl=6.6, target=6.0, completions=1000) == pytest.approx(0.1 * 1.01)
    assert adapted_kl_coefficient(0.1, kl=float("nan"), target=6.0, completions=1000) == 0.1
