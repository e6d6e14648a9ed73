"""What a launcher may ask for by the environment."""

import os

import pytest

from nlu_rl.errors import RecipeError
from nlu_rl.training.processes import Processes, join_processes

FSDP = {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2"}


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"ACCELERATE_USE_DEEPSPEED": "true"}, "DeepSpeed is asked for"),
        ({**FSDP, "FSDP_VERSION": "1"}, "version 1"),
        ({**FSDP, "FSDP_OFFLOAD_PARAMS": "true"}, "main memory"),
    ],
)
def test_what_is_not_done_is_refused(asked: dict[str, str], reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in asked.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(RecipeError, match=reason):
        join_processes()


def test_one_process_has_nothing_to_cut_up(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in FSDP.items():
        monkeypatch.setenv(name, value)
    assert join_processes() == Processes()
    assert "ACCELERATE_USE_FSDP" not in os.environ, "transformers would load empty weights"
