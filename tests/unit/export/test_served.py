"""Exports served for real: `transformers serve`, llama.cpp and vLLM answer an OpenAI client as the model does.

The tiny model is first taught to answer, so that its greedy answers are no ties. Needs the packages of the `dev` extra
(fastapi, uvicorn, openai; xllamacpp) and, for the GGUF file, the package index; for vLLM, a `vllm` on the PATH or
named by NLU_RL_VLLM, from an environment of its own. Skipped with a reason without them.
"""

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from go_template import go_text
from nlu_rl import paths
from nlu_rl.download import DownloadError
from nlu_rl.export.serving import serving_commands, unmerged_command
from nlu_rl.models.load import load_model
from nlu_rl.policy.draws import Draws
from nlu_rl.policy.policy import Policy
from nlu_rl.recipe import load_recipe
from nlu_rl.runs.jobs import Job
from nlu_rl.runs.layout import create_run
from nlu_rl.runs.reporter import job
from nlu_rl.tasks.contract import CLOSE_TAG
from nlu_rl.tasks.registry import get_task
from tiny_model import write_tiny_model
from trained_run import write_sst2, write_trained_run

QUESTIONS = 6
VLLM = os.environ.get("NLU_RL_VLLM") or shutil.which("vllm")
LLAMA_CPP = """
import sys, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.n_ctx, params.port = sys.argv[1], 4096, int(sys.argv[2])
params.cpuparams.n_threads = 1
server = xllamacpp.Server(params)
print("ready", flush=True)
sys.stdin.read()
"""


def needs(*packages: str) -> Any:
    missing = [package for package in packages if find_spec(package) is None]
    return pytest.mark.skipif(bool(missing), reason=f"pip install {' '.join(missing)} (they are in the dev extra)")


def add_a_merge(model: Path) -> None:
    """Give the model's tokenizer a merge, without which llama.cpp loads no vocabulary; it never applies."""
    tokenizer = json.loads((model / "tokenizer.json").read_text(encoding="utf-8"))
    tokenizer["model"]["vocab"]["ĀĀ"] = 259
    tokenizer["model"]["merges"] = [["Ā", "Ā"]]
    tokenizer["pre_tokenizer"]["use_regex"] = True
    (model / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")


def teach(run: Any) -> None:
    """Train the run's adapter on a few rows until the model answers them."""
    import torch

    from nlu_rl.models.chat import encode_prompt, encode_target
    from nlu_rl.models.lora import load_adapter

    checkpoint = run.checkpoints_dir / "step-4"
    loaded = load_model(load_recipe(run.recipe_path).model, precision="float32")
    model = load_adapter(loaded, checkpoint, trainable=True)
    policy, task = Policy(model, loaded.tokenizer), get_task("sst2")
    rows = task.load("validation")
    prompts = [encode_prompt(loaded.tokenizer, task.prompt(row)) for row in rows]
    targets = [encode_target(loaded.tokenizer, task.target(row)) for row in rows]
    weights = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(weights, lr=0.01)
    for _ in range(150):
        scores = policy.score(prompts, targets)
        loss = -(scores.log_probs * scores.mask).sum() / scores.mask.sum()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        if float(loss.detach()) < 0.3:
            break
    assert float(loss.detach()) < 0.4
    model.save_pretrained(checkpoint)


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An export of the taught model, with a GGUF file if the package index has the converter.

    Its heads have 32 dimensions, the fewest that vLLM's attention takes.
    """
    from nlu_rl.export.job import run as export_job

    home = os.environ.get("NLU_RL_HOME")
    os.environ["NLU_RL_HOME"] = str(tmp_path_factory.mktemp("served"))
    try:
        write_sst2(validation=QUESTIONS)
        base = write_tiny_model(paths.home() / "base", head_dim=32)
        add_a_merge(base)
        run = write_trained_run(base, "taught")
        recipe = run.recipe_path.read_text(encoding="utf-8").replace("max_new_tokens: 6", "max_new_tokens: 24")
        run.recipe_path.write_text(recipe, encoding="utf-8")
        teach(run)
        arguments: dict[str, Any] = {"run": run.name, "gguf": "f32"}
        directory = create_run(run.export_dir, "export", Job("export", arguments))
        with job(directory) as reporter:
            try:
                result = export_job(directory, arguments, reporter)
            except DownloadError:
                result = export_job(directory, {"run": run.name}, reporter)
            reporter.result = result
        yield Path(result["path"])
    finally:
        if home is None:
            del os.environ["NLU_RL_HOME"]
        else:
            os.environ["NLU_RL_HOME"] = home


def own_answers(folder: Path) -> list[tuple[list[dict[str, str]], str]]:
    """Return the chats, without the opening, and the model's own greedy answers up to the stop text."""
    from nlu_rl.models.chat import encode_prompt

    loaded, task = load_model(str(folder), precision="float32"), get_task("sst2")
    chats = [task.prompt(row) for row in task.load("validation")]
    prompts = [encode_prompt(loaded.tokenizer, chat) for chat in chats]
    rollout = Policy(loaded.model, loaded.tokenizer).sample(prompts, temperature=0.0, max_new_tokens=24, draws=Draws(0))
    answers = [text.partition(CLOSE_TAG)[0] for text in rollout.texts]
    assert all(answers), "it was taught to answer"
    return [([dict(turn) for turn in chat[:-1]], answer) for chat, answer in zip(chats, answers, strict=True)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(port: int, model: str, chat: list[dict[str, str]]) -> str:
    """Return the answer up to the stop text, asked for as the model card says."""
    from openai import OpenAI

    client = OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none", timeout=120, max_retries=0)
    answer = client.chat.completions.create(model=model, messages=chat, temperature=0, max_tokens=24, stop=[CLOSE_TAG])
    return str(answer.choices[0].message.content).partition(CLOSE_TAG)[0]


def wait_for(port: int, server: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + 300
    while True:
        assert server.poll() is None, "the server ended"
        assert time.monotonic() < deadline, "the server does not answer"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)


def wait_until_loaded(port: int) -> None:
    """Wait while llama.cpp's server answers 503: it listens before it has read the model."""
    deadline = time.monotonic() + 300
    while True:
        try:
            urlopen(f"http://127.0.0.1:{port}/health").close()
            return
        except HTTPError:
            assert time.monotonic() < deadline, "the model is not loaded"
            time.sleep(0.2)


def tokens(port: int, prompt: str) -> list[int]:
    """Return the ids llama.cpp makes of a whole prompt, with what it adds at the beginning."""
    body = json.dumps({"content": prompt, "add_special": True, "parse_special": True}).encode()
    with urlopen(Request(f"http://127.0.0.1:{port}/tokenize", body, {"Content-Type": "application/json"})) as answer:
        return list(json.load(answer)["tokens"])


def trained_on(folder: Path, chat: list[dict[str, str]]) -> list[int]:
    """Return the ids that training makes of a chat, with the opening."""
    from nlu_rl.models.load import load_tokenizer

    tokenizer = load_tokenizer(folder, "export")
    text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def ollama_prompt(folder: Path, chat: list[dict[str, str]]) -> str:
    """Return what Ollama makes of a system and a user turn by the Modelfile."""
    text = (folder / "Modelfile").read_text(encoding="utf-8")
    system, user = chat
    return go_text(text.split('TEMPLATE """')[1].split('"""')[0], System=system["content"], Prompt=user["content"])


@needs("fastapi", "uvicorn", "openai")
def test_transformers_serve_answers_as_the_model(export: Path) -> None:
    port = free_port()
    program = [str(Path(sys.executable).with_name("transformers")), "serve", str(export)]
    options = ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu", "--dtype", "float32"]
    server = subprocess.Popen([*program, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
    try:
        wait_for(port, server)
        for chat, answer in own_answers(export):
            assert ask(port, str(export), chat) == answer
    finally:
        server.terminate()
        server.wait()


@needs("openai")
@pytest.mark.skipif(VLLM is None, reason="there is no vllm (NLU_RL_VLLM may name it)")
@pytest.mark.parametrize("merged", [True, False])
def test_vllm_answers_as_the_model(export: Path, tmp_path: Path, merged: bool) -> None:
    """Merged as the printed command serves it, and base + adapter as the card does."""
    port, base = free_port(), export.parents[1] / "base"
    if merged:
        command = serving_commands(export, gguf=False)[0].command
    else:
        rank = json.loads((export / "adapter" / "adapter_config.json").read_text(encoding="utf-8"))["r"]
        command = unmerged_command(export, rank).replace("BASE", shlex.quote(str(base)))
    program = [str(VLLM), *shlex.split(command)[1:], "--port", str(port), "--dtype", "float32", "--enforce-eager"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"PATH": f"{Path(str(VLLM)).parent}:{environment['PATH']}", "VLLM_CPU_KVCACHE_SPACE": "1"}
    with (tmp_path / "vllm.log").open("w") as log:
        server = subprocess.Popen(program, stdout=log, stderr=log, text=True, env=environment, cwd=tmp_path)
        try:
            wait_for(port, server)
            for chat, answer in own_answers(export):
                assert ask(port, export.name, chat) == answer
        finally:
            server.terminate()
            server.wait()


@needs("xllamacpp", "openai")
def test_llama_cpp_answers_as_the_model(export: Path) -> None:
    if not (export / "model.gguf").is_file():
        pytest.skip("the package index does not have llama.cpp's converter")
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-c", LLAMA_CPP, str(export / "model.gguf"), str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        wait_for(port, server)
        wait_until_loaded(port)
        for chat, answer in own_answers(export):
            assert ask(port, export.name, chat) == answer
            assert tokens(port, ollama_prompt(export, chat)) == trained_on(export, chat)
    finally:
        server.terminate()
        server.wait()


def test_the_card_says_how(export: Path) -> None:
    card = (export / "README.md").read_text(encoding="utf-8")
    assert "vllm serve" in card
    assert "transformers serve" in card
    command = next(line for line in card.splitlines() if line.startswith("curl "))
    body = json.loads(shlex.split(command)[-1])
    assert body["stop"] == [CLOSE_TAG]
    task = get_task("sst2")
    assert body["messages"] in [task.prompt(row)[:-1] for row in task.load("validation")], "a whole request of the task"
    if (export / "model.gguf").is_file():
        assert "llama-server -m" in card
        assert (export / "Modelfile").read_text(encoding="utf-8").startswith("FROM ./model.gguf\n")
