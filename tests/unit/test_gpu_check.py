"""`doctor --gpu` on the CPU: every check runs, and one that fails is told, not raised."""

from pathlib import Path

import pytest
import torch

from nlu_rl import gpu_check
from nlu_rl.policy.kernels import Choice
from nlu_rl.runs.jobs import Job
from nlu_rl.runs.layout import create_run
from nlu_rl.runs.reporter import Reporter


def test_every_check_runs(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = create_run(home, "gpu", Job("gpu-check"))
    with Reporter(run) as reporter:
        checks = gpu_check.job(run, {"cpu": True}, reporter)["checks"]
        names = ["compute", "engine", "padded rows", "sampling", "learning", "4-bit kernels", "memory plan"]
        assert [check["name"] for check in checks] == names
        assert {check["state"] for check in checks} == {"ok"}, checks
        monkeypatch.setattr(gpu_check, "kernel_error", lambda _: float("nan"))
        monkeypatch.setattr(gpu_check, "merged_for_sampling", None)
        failed = {check["name"]: check for check in gpu_check.job(run, {"cpu": True}, reporter)["checks"]}
    assert failed["4-bit kernels"]["state"] == failed["sampling"]["state"] == "fail"
    assert "not callable" in failed["sampling"]["message"]
    assert failed["4-bit kernels"]["fix"]


def test_a_kernel_that_differs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_check, "choose_attention", lambda *_: Choice("sdpa", "flash_attention_2 differs by 2 nats"))
    right, message, _ = gpu_check._padded(torch.device("cpu"))
    assert (right, message) == (False, "sdpa (flash_attention_2 differs by 2 nats).")


def test_without_a_card_it_says_so(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    run = create_run(home, "gpu", Job("gpu-check"))
    with Reporter(run) as reporter:
        (check,) = gpu_check.job(run, {}, reporter)["checks"]
    assert (check["state"], check["message"]) == ("fail", "torch sees no CUDA card.")
