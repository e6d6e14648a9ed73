"""`models`, `plan` and `doctor` from the command line, with a hub of our own and real workers."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hub_server import HubServer, model_repository, serving
from nlu_rl import paths

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(home: Path) -> Run:
    """Return a function that runs `nlu-rl ...` in an empty home."""

    def call(*arguments: str, **given: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "nlu_rl.cli.main", *arguments]
        inherited = {k: v for k, v in os.environ.items() if k not in ("HF_ENDPOINT", "HF_TOKEN")}
        environment = {**inherited, "NLU_RL_HOME": str(home), "COLUMNS": "160", "no_proxy": "127.0.0.1"}
        environment |= {"NLU_RL_PRECISION": "auto"} | given
        return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=home, check=False)

    return call


@pytest.fixture
def fake_hub(tiny_model_dir: Path) -> Iterator[HubServer]:
    with serving(model_repository("org/tiny", tiny_model_dir)) as server:
        yield server


def _json(done: "subprocess.CompletedProcess[str]") -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_list_and_show(run: Run, tiny_model_dir: Path) -> None:
    shutil.copytree(tiny_model_dir, paths.models_dir() / "mine")
    listed = {row["model"]: row for row in map(json.loads, run("models", "list", "--json").stdout.splitlines())}
    assert listed["mine"]["here"] is True
    assert listed["llama-2-7b"]["gated"] is True
    assert listed["smollm2-135m"]["here"] is False
    assert "smollm2-135m" in run("models", "list").stdout
    shown = _json(run("models", "show", "qwen2.5-7b", "--json"))
    assert (shown["layers"], shown["parameters"]) == (28, 7_615_616_512)
    assert _json(run("models", "show", "mine", "--json"))["layers"] == 2
    (paths.models_dir() / "mine" / "config.json").unlink()
    assert "config.json" in run("models", "show", "mine").stdout
    gated = run("models", "show", "llama-2-7b").stdout
    assert "https://huggingface.co/meta-llama/Llama-2-7b-chat-hf" in gated


def test_fetch_verify_and_fetch_again(run: Run, fake_hub: HubServer) -> None:
    online = {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": fake_hub.url}
    fetched = _json(run("models", "fetch", "org/tiny", "--json", **online))
    folder = paths.models_dir() / "org--tiny"
    assert fetched["path"] == str(folder)
    assert fetched["source"] == "hub"
    assert list((paths.runs_dir() / ".jobs").iterdir()) == []
    asked = len(fake_hub.asked)
    assert _json(run("models", "fetch", "org/tiny", "--json", **online)) == fetched
    assert len(fake_hub.asked) == asked
    assert _json(run("models", "verify", "org/tiny", "--json"))["ok"] is True
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    spoilt = run("models", "verify")
    assert spoilt.returncode == 2
    assert "SHA-256 differs" in spoilt.stdout
    assert _json(run("models", "fetch", "org/tiny", "--force", "--json", **online)) == fetched
    assert run("models", "verify").returncode == 0


def test_gated_model(run: Run, fake_hub: HubServer) -> None:
    fake_hub.repositories[0].hidden = (403, "GatedRepo")
    refused = run("models", "fetch", "org/tiny", HF_HUB_OFFLINE="0", HF_ENDPOINT=fake_hub.url)
    assert refused.returncode == 2
    assert "gated" in refused.stderr
    assert "HF_TOKEN" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert refused.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["models", "fetch", "smollm2-135"], "Did you mean 'smollm2-135m'"),
        (["models", "show", "qwen-7b"], "Unknown model 'qwen-7b'"),
        (["models", "verify", "qwen2.5-7b"], "nlu-rl models fetch qwen2.5-7b"),
        (["models", "fetch", "qwen2.5-7b"], "HF_HUB_OFFLINE"),
        (["models", "verify", "./none"], "does not exist"),
        (["models", "fetch", "."], "no config.json"),
        (["plan", "r.yaml", "--gpu", "rtx4091"], "Did you mean 'rtx4090'"),
        (["plan", "none.yaml"], "none.yaml"),
        (["plan", "r.yaml", "model=org/unseen"], "nlu-rl models fetch org/unseen"),
    ],
)
def test_refusals(run: Run, home: Path, arguments: list[str], message: str) -> None:
    (home / "r.yaml").write_text("model: qwen2.5-7b\ntasks: [sst2]\nmethod: ppo\n")
    refused = run(*arguments)
    assert refused.returncode == 2
    assert message in " ".join(refused.stderr.split())
    assert "Traceback" not in refused.stderr


def test_plan(run: Run, home: Path, tiny_model_dir: Path) -> None:
    (home / "r.yaml").write_text("model: qwen2.5-7b\ntasks: [sst2]\nmethod: ppo\n")
    plan = _json(run("plan", "r.yaml", "--gpu", "a100-80g", "--json"))
    assert plan["fits"] is True
    assert plan["weights_bytes"] == 2 * 7_615_616_512
    small = _json(run("plan", "r.yaml", "--gpu", "t4", "--json"))
    assert small["fits"] is False
    assert small["change"] == ["quantize=nf4"]
    shown = run("plan", "r.yaml", "--gpu", "t4")
    assert "It does not fit. It does with: quantize=nf4" in shown.stdout
    assert "█" in shown.stdout
    assert _json(run("plan", "r.yaml", f"model={tiny_model_dir}", "--json"))["fits"] is True


def test_doctor(run: Run, home: Path, tiny_model_dir: Path) -> None:
    found = _json(run("doctor", "--json"))
    states = {check["name"]: check["state"] for check in found["checks"]}
    assert found["ok"] is True
    assert states["torch"] == "ok"
    assert states["models"] == states["data"] == "warn"
    assert all(check["fix"] for check in found["checks"] if check["state"] != "ok" and check["name"] != "disk")
    shutil.copytree(tiny_model_dir, paths.models_dir() / "mine")
    (paths.models_dir() / "mine" / "tokenizer.json").unlink()
    damaged = run("doctor")
    assert damaged.returncode == 0
    assert "no tokenizer" in damaged.stdout


def test_doctor_fails_on_what_cannot_work(run: Run, home: Path) -> None:
    (home / "runs").write_text("a file where the runs go")
    failed = run("doctor", "--json", NLU_RL_PRECISION="fp8")
    assert failed.returncode == 2
    checks = {check["name"]: check for check in json.loads(failed.stdout)["checks"]}
    assert checks["runs folder"]["state"] == checks["precision"]["state"] == "fail"
    assert checks["runs folder"]["fix"]


@pytest.mark.parametrize("arguments", [["models", "list"], ["doctor"], ["plan", "r.yaml"]])
def test_nothing_heavy_is_imported(home: Path, arguments: list[str]) -> None:
    (home / "r.yaml").write_text("model: qwen2.5-7b\ntasks: [sst2]\nmethod: ppo\n")
    script = (
        "import sys\nfrom nlu_rl.cli.main import run_cli\n"
        f"code = run_cli({arguments!r})\n"
        "heavy = {'torch', 'transformers', 'trl', 'peft', 'datasets', 'numpy', 'huggingface_hub'} & set(sys.modules)\n"
        "sys.exit(f'{code} {heavy}' if code or heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=home, check=False)
    assert done.returncode == 0, done.stderr
