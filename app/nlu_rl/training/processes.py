"""Several processes that share every batch: who does which rows, and how their parts become one.

All hold the same model, or with FSDP their part of its layers (`policy/sharding.py`), and see the same batch; each
computes its own rows, and gradients are summed before the optimizer moves, so all move alike. Draws depend on a row's
place in the whole batch and losses are divided by the whole batch's tokens: the number of processes changes a result by
rounding only. One process does without it all.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
import torch.distributed as dist

from nlu_rl.errors import RecipeError
from nlu_rl.runs.reporter import Reporter

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Processes:
    """This process among those of the run."""

    rank: int = 0
    world: int = 1
    sharded: bool = False
    """Whether each holds only its part of the base's layers (FSDP)."""

    @property
    def several(self) -> bool:
        return self.world > 1

    @property
    def shards(self) -> int:
        """Over how many processes the base's layers are cut up."""
        return self.world if self.sharded else 1

    def share(self, count: int) -> list[int]:
        """Return which of `count` rows are this process's: consecutive ones, as even as possible."""
        return np.array_split(np.arange(count), self.world)[self.rank].tolist()  # type: ignore[no-any-return]

    def joined(self, part: Sequence[T]) -> list[T]:
        """Return the parts of all processes in the order of their ranks."""
        if not self.several:
            return list(part)
        parts: list[Any] = [None] * self.world
        dist.all_gather_object(parts, list(part))
        return [item for found in parts for item in found]

    def agreed(self, value: T) -> T:
        """Return what the first process has."""
        if not self.several:
            return value
        held: list[Any] = [value]
        dist.broadcast_object_list(held, src=0)
        return held[0]  # type: ignore[no-any-return]

    def totals(self, numbers: dict[str, float]) -> dict[str, float]:
        """Return the sums over the processes of numbers that all of them name alike."""
        if not self.several:
            return numbers
        every = self.joined([numbers])
        return {name: sum(one.get(name, 0.0) for one in every) for name in sorted({k for one in every for k in one})}

    def sum_gradients(self, parameters: Iterable[torch.nn.Parameter], *, mean: bool = False) -> None:
        """Put the sum (or mean) of the processes' gradients in place of each one's own; a missing one counts as 0."""
        if not self.several:
            return
        trained = [parameter for parameter in parameters if parameter.requires_grad]
        for parameter in trained:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        flat = torch.cat([p.grad.flatten().float() for p in trained if p.grad is not None])
        dist.all_reduce(flat)
        if mean:
            flat /= self.world
        start = 0
        for parameter in trained:
            assert parameter.grad is not None
            end = start + parameter.numel()
            parameter.grad.copy_(flat[start:end].view_as(parameter))
            start = end

    def wait(self) -> None:
        """Wait until every process is here."""
        if self.several:
            self.joined([0])


def join_processes() -> Processes:
    """Join the process group that the launcher (torchrun, accelerate, srun) describes in the environment.

    Raises:
        RecipeError: the launcher asks for DeepSpeed, or for an FSDP that is not done here.
    """
    sharded = _asks_for_fsdp()
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        return Processes()
    if not dist.is_initialized():
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        dist.init_process_group("cuda:nccl,cpu:gloo" if torch.cuda.is_available() else "gloo")
    return Processes(dist.get_rank(), world, sharded)


def _asks_for_fsdp() -> bool:
    """Take accelerate's request for FSDP out of the environment: the libraries would also act on it, in their way."""
    asked = {name for name, value in os.environ.items() if value.lower() == "true"}
    if "ACCELERATE_USE_DEEPSPEED" in asked:
        raise RecipeError(
            "DeepSpeed is asked for, and a base is cut up by FSDP here.",
            "Use accelerate launch --use_fsdp --fsdp_version 2, or --multi_gpu for a base that fits one card.",
        )
    if "ACCELERATE_USE_FSDP" not in asked:
        return False
    if os.environ.get("FSDP_VERSION", "1") != "2":
        raise RecipeError("FSDP is asked for in version 1, and only version 2 is done.", "Add --fsdp_version 2.")
    if "FSDP_OFFLOAD_PARAMS" in asked:
        raise RecipeError(
            "FSDP is asked to keep weights in main memory, which is not done.", "Leave --fsdp_offload_params out."
        )
    del os.environ["ACCELERATE_USE_FSDP"]
    return True


def is_lost(error: BaseException) -> bool:
    """Return whether an exchange failed because another process is gone; gloo says so in words alone."""
    return isinstance(error, dist.DistError) or (isinstance(error, RuntimeError) and "gloo" in str(error).lower())


def leave_processes() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()


class SharedReporter:
    """The run's reporter for the first process; the others write nothing, and are told what was requested."""

    def __init__(self, reporter: Reporter | None, processes: Processes) -> None:
        self._reporter = reporter
        self._processes = processes

    def requested(self) -> set[str]:
        """Return what has been asked for; all processes must ask together."""
        return self._processes.agreed(self._reporter.requested() if self._reporter else set())

    def __getattr__(self, name: str) -> Any:
        if self._reporter is None:
            return lambda *_, **__: None
        return getattr(self._reporter, name)
