"""What the doctor says of cards, from what nvidia-smi prints on other machines; none is here."""

import sys
from pathlib import Path

import pytest

from nlu_rl.cli import doctor_hardware
from nlu_rl.cli.doctor_hardware import check_card, check_offline_flags, cuda_of_torch

HEADER = "| NVIDIA-SMI 580.65   Driver Version: 580.65   CUDA Version: {cuda}   |"


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Return a function that puts an nvidia-smi for one card on the path, and a torch built for `built`."""

    def put(row: str, cuda: str = "13.0", built: str | None = "13.0") -> dict[str, str]:
        program = tmp_path / "nvidia-smi"
        program.write_text(
            f"#!{sys.executable}\nimport sys\nprint({row!r} if len(sys.argv) > 1 else {HEADER.format(cuda=cuda)!r})\n"
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setattr(doctor_hardware, "cuda_of_torch", lambda: built)
        checks = check_card()
        assert all(check.fix for check in checks if check.state != "ok")
        return {check.name: f"{check.state} {check.message}" for check in checks}

    return put


def test_an_a100(card: object) -> None:
    found = card("NVIDIA A100-SXM4-80GB, 81920, 8.0, 580.65.06")  # type: ignore[operator]
    assert found["gpu"] == "ok NVIDIA A100-SXM4-80GB, 85.9 GB, compute capability 8.0, driver 580.65.06."
    assert found["cuda"] == "ok torch is built with CUDA 13.0; the driver goes up to 13.0."
    assert found["flash-attn"].startswith("ok Not installed")


def test_what_does_not_match(card: object) -> None:
    old = card("NVIDIA A100, 40960, 8.0, 525.1", cuda="12.0")  # type: ignore[operator]
    assert old["cuda"].startswith("fail torch is built with CUDA 13.0, and the driver goes up to 12.0")
    assert card("Tesla V100, 16384, 7.0, 580.1")["gpu"].startswith("fail")  # type: ignore[operator]
    t4 = card("Tesla T4, 15360, 7.5, 580.1")  # type: ignore[operator]
    assert t4["gpu"].endswith("It has no bfloat16: runs compute in float32.")
    cpu_build = card("NVIDIA A100, 40960, 8.0, 580.1", built=None)  # type: ignore[operator]
    assert cpu_build["cuda"].startswith("warn The installed torch is built for CPUs only")
    assert card("No devices were found")["gpu"].startswith("warn nvidia-smi is here but names no GPU")  # type: ignore[operator]


def test_without_a_card(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (check,) = check_card()
    assert check.message == "No NVIDIA GPU; runs use the CPU."
    assert cuda_of_torch() is None or "." in str(cuda_of_torch())


def test_flags_that_contradict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("TRANSFORMERS_OFFLINE", "1")
    assert check_offline_flags() == []
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    assert check_offline_flags()[0].state == "warn"
