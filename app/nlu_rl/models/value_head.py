"""The critic: a small MLP on the last hidden state of the policy's own trunk (paper, method section).

Its output layer starts at zero, so that the first advantages are the rewards alone.
"""

import torch
from torch import Tensor, nn


class ValueHead(nn.Module):
    """Maps hidden states (..., hidden size) to values (...), in float32."""

    def __init__(self, hidden_size: int, *, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.inner = nn.Linear(hidden_size, hidden_size)
            self.outer = nn.Linear(hidden_size, 1)
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)

    def forward(self, hidden: Tensor) -> Tensor:
        with torch.autocast(hidden.device.type, enabled=False):
            value: Tensor = self.outer(torch.tanh(self.inner(hidden.float())))
        return value.squeeze(-1)
