"""What one step of PPO learns from, and the rows it asks for."""

from dataclasses import dataclass

from torch import Tensor
from torch.utils.data import Dataset

from nlu_rl.policy.scores import Scores


@dataclass
class RolloutBatch:
    """What the epochs of one step learn from; tensors are (B, T), without gradient."""

    prompts: list[list[int]]
    completions: list[list[int]]
    old: Scores
    reference: Tensor
    """Log-probabilities of the base model."""
    advantages: Tensor
    targets: Tensor
    first: Scores | None = None
    """`old` with its graph, from which the first epoch starts when one pass holds the whole batch."""


class Positions(Dataset[int]):
    """The positions 0 .. n-1 in the run's row order."""

    def __init__(self, n: int) -> None:
        self._n = n

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, position: int) -> int:
        return position
