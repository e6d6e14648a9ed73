"""What makes an export servable: the template that opens the answer, Ollama's Modelfile, plain `generate`, shards."""

import json
from pathlib import Path
from typing import Any

import pytest

from go_template import go_text
from nlu_rl.export import merge
from nlu_rl.export.gguf import adds_bos_token
from nlu_rl.export.gguf_driver import pre_tokenizer_name
from nlu_rl.export.serving import modelfile, opening_template, request_body, serving_commands, unmerged_command
from nlu_rl.models.catalogue import get_model
from nlu_rl.models.chat import encode_prompt, render_prompt
from nlu_rl.models.load import load_tokenizer
from nlu_rl.models.verify import verify_folder
from nlu_rl.tasks.registry import get_task
from tiny_model import write_tiny_model
from trained_run import write_sst2, write_trained_run

LLAMA_2 = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}[INST] <<SYS>>{{ m.content }}<</SYS>>"
    "{% else %}{{ m.content }} [/INST]{% endif %}{% endfor %}"
)


@pytest.fixture
def merged(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Return a tied base with a vocabulary larger than its tokenizer's, and its merge in several shards."""
    monkeypatch.setattr(merge, "SHARD", "30KB")
    base = write_tiny_model(tmp_path / "tied", tie_word_embeddings=True)
    write_sst2()
    run = write_trained_run(base, "tied-run")
    folder = tmp_path / "export"
    folder.mkdir()
    merge.merge_adapter(str(base), run.checkpoints_dir / "step-4", folder, max_new_tokens=7)
    return base, folder


def test_shards_tied_embeddings_vocabulary_and_type(merged: tuple[Path, Path]) -> None:
    from transformers import AutoModelForCausalLM

    _, folder = merged
    index = json.loads((folder / "model.safetensors.index.json").read_text(encoding="utf-8"))["weight_map"]
    assert len(set(index.values())) > 1
    assert "lm_head.weight" not in index, "the head is the embedding table, and is not written twice"
    assert verify_folder(folder) == []
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert model.lm_head.weight.data_ptr() == model.model.embed_tokens.weight.data_ptr()
    assert tuple(model.lm_head.weight.shape) == (320, 32)
    assert str(model.dtype) == "torch.bfloat16"


def test_plain_generate_works_and_the_template_opens_the_answer(merged: tuple[Path, Path]) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    base, folder = merged
    task = get_task("sst2")
    messages = task.prompt(task.load("validation")[0])
    before, after = load_tokenizer(base, "base"), load_tokenizer(folder, "export")
    assert encode_prompt(before, messages) == encode_prompt(after, messages)
    text = after.apply_chat_template(messages[:-1], tokenize=False, add_generation_prompt=True)
    assert text == render_prompt(before, messages)
    assert text.endswith("<Judgement>")
    assert "<Judgement>" not in after.apply_chat_template([{"role": "user", "content": "x"}], tokenize=False)
    model = AutoModelForCausalLM.from_pretrained(folder)
    ids = torch.tensor([encode_prompt(after, messages)])
    assert 1 <= model.generate(ids).shape[1] - ids.shape[1] <= 7, "no sampling, no stop_strings, the recipe's length"


def test_the_adapter_is_beside_it(merged: tuple[Path, Path]) -> None:
    base, folder = merged
    config = json.loads((folder / "adapter" / "adapter_config.json").read_text(encoding="utf-8"))
    assert config["base_model_name_or_path"] == base.name, "no path of the machine it was made on"
    assert (folder / "adapter" / "adapter_model.safetensors").is_file()


@pytest.mark.parametrize("template", [get_model("mpt-7b-chat").chat_template, LLAMA_2])
def test_ollama_writes_the_prompt_the_model_was_trained_on(template: str) -> None:
    from jinja2 import Template

    bos = "<s>"
    compiled = Template(opening_template(template))

    def render(messages: list[dict[str, str]]) -> str:
        return compiled.render(messages=messages, add_generation_prompt=True, bos_token=bos)

    text = modelfile(render, bos, 12)
    go = text.split('TEMPLATE """')[1].split('"""')[0]
    user = {"role": "user", "content": "Good {{ film }}"}
    turns = [{"role": "system", "content": "Judge."}, user]
    filled = go_text(go, System="Judge.", Prompt="Good {{ film }}")
    assert filled == render(turns).removeprefix(bos)
    assert filled.endswith("<Judgement>")
    assert go_text(go, System="", Prompt="Good {{ film }}") == render([user]).removeprefix(bos)
    assert 'PARAMETER stop "</Judgement>"\nPARAMETER temperature 0\nPARAMETER num_predict 12\n' in text
    assert text.startswith("FROM ./model.gguf\n")


@pytest.mark.parametrize(
    ("model", "stated", "adds"),
    [
        ("gpt2", False, False),
        ("gpt2", None, False),
        ("gpt2", True, True),
        ("llama", None, True),
        ("llama", False, False),
    ],
)
def test_the_first_token_is_written_unless_the_server_adds_it(
    model: str, stated: bool | None, adds: bool, tmp_path: Path
) -> None:
    from gguf import GGUFWriter

    writer = GGUFWriter(tmp_path / "a.gguf", "llama")
    writer.add_tokenizer_model(model)
    if stated is not None:
        writer.add_add_bos_token(stated)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    assert adds_bos_token(tmp_path / "a.gguf") is adds
    first = "<|im_start|>"
    text = modelfile(lambda turns: first + turns[-1]["content"], first if adds else None, 12)
    go = text.split('TEMPLATE """')[1].split('"""')[0]
    assert go_text(go, System="", Prompt="x") == ("x" if adds else f"{first}x")


def test_commands_and_request() -> None:
    plain = serving_commands(Path("/x/my run"), gguf=False)
    assert [served.program for served in plain] == ["vLLM", "transformers"]
    assert plain[0].command == "vllm serve '/x/my run' --served-model-name 'my run'"
    assert [served.program for served in serving_commands(Path("/x/a"), gguf=True)][2:] == ["llama.cpp", "Ollama"]
    assert unmerged_command(Path("/x/my run"), 20) == (
        "vllm serve BASE --enable-lora --max-lora-rank 32 --lora-modules 'my run'='/x/my run/adapter' "
        "--chat-template '/x/my run/chat_template.jinja'"
    )
    body: dict[str, Any] = json.loads(request_body("a", [{"role": "user", "content": 'say "x"'}], 9))
    assert body["stop"] == ["</Judgement>"]
    assert (body["temperature"], body["max_tokens"]) == (0, 9)


def test_pre_tokenizers_by_their_form() -> None:
    byte_level = {"type": "ByteLevel", "use_regex": True, "add_prefix_space": False}
    digits = {"type": "Digits", "individual_digits": True}
    assert pre_tokenizer_name({"pre_tokenizer": byte_level}) == "gpt-2"
    assert (
        pre_tokenizer_name({"pre_tokenizer": {"type": "Sequence", "pretokenizers": [digits, byte_level]}}) == "smollm"
    )
    unsplit = {**byte_level, "use_regex": False}
    assert pre_tokenizer_name({"pre_tokenizer": unsplit, "model": {"merges": []}}) == "gpt-2"
    assert pre_tokenizer_name({"pre_tokenizer": unsplit, "model": {"merges": [["a", "b"]]}}) is None
    assert pre_tokenizer_name({"pre_tokenizer": {"type": "Metaspace"}}) is None
