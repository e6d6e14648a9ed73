"""Cards by name, by nvidia-smi, and memory within a container's limit."""

from pathlib import Path

import pytest

from nlu_rl.errors import NluRlError
from nlu_rl.models import machine


def test_cards_by_name() -> None:
    card = machine.named_accelerator("A100-80G")
    assert (card.kind, card.memory_bytes, card.bfloat16) == ("cuda", 80 << 30, True)
    assert not machine.named_accelerator("t4").bfloat16
    with pytest.raises(NluRlError, match="Did you mean 'rtx4090'"):
        machine.named_accelerator("rtx4091")


def _nvidia_smi(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/bin:/usr/bin")


def test_card_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _nvidia_smi(tmp_path, monkeypatch, "echo 'NVIDIA A100-SXM4-40GB, 40960, 8.0'; echo 'Tesla T4, 15360, 7.5'")
    assert [(c.name, c.memory_bytes, c.bfloat16) for c in machine.installed_cards()] == [
        ("NVIDIA A100-SXM4-40GB", 40 << 30, True),
        ("Tesla T4", 15 << 30, False),
    ]
    assert machine.named_accelerator(None).name == "NVIDIA A100-SXM4-40GB"


def test_broken_driver_means_the_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _nvidia_smi(tmp_path, monkeypatch, "echo 'NVIDIA-SMI has failed, no driver'; exit 9")
    assert machine.installed_cards() == []
    assert machine.named_accelerator(None).kind == "cpu"


def test_container_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(machine, "_CGROUP_LIMITS", (limit,))
    whole = machine.memory_bytes()
    limit.write_text("max\n")
    assert machine.memory_bytes() == whole
    limit.write_text("1073741824\n")
    assert machine.memory_bytes() == 1 << 30
