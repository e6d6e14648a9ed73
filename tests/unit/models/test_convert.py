"""A GGUF written by hand from the tiny model converts back to it, tokenizer included."""

from pathlib import Path
from typing import Any

import gguf
import pytest
import torch

from nlu_rl.errors import ModelError
from nlu_rl.models.convert import convert_gguf
from nlu_rl.models.load import load_model
from nlu_rl.models.verify import verify_folder
from tiny_model import SIZES, tiny_causal_lm

NAMES = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = "{% for m in messages %}<|im_start|>{{ m['content'] }}<|im_end|>{% endfor %}"


def _tokens() -> tuple[list[str], list[str]]:
    """Return a byte-level vocabulary with one merge that joins digits, and its merges."""
    from tokenizers import pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = [*SPECIAL, *alphabet, "12"]
    return tokens + [f"<unused{i}>" for i in range(SIZES["vocab_size"] - len(tokens))], ["1 2"]


def _permuted(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """Reorder rotary pairs as llama.cpp keeps them."""
    rows, columns = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def _write_gguf(path: Path, model: Any, pre: str) -> None:
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name("Some name")
    writer.add_block_count(2)
    writer.add_context_length(4096)
    writer.add_embedding_length(32)
    writer.add_feed_forward_length(64)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_rope_dimension_count(8)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_vocab_size(SIZES["vocab_size"])
    tokens, merges = _tokens()
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token in SPECIAL else 1 for token in tokens])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(2)
    writer.add_chat_template(TEMPLATE)
    for name, tensor in model.state_dict().items():
        writer.add_tensor(*_renamed(name, tensor))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _renamed(name: str, tensor: torch.Tensor) -> tuple[str, Any]:
    whole = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
    stem = name.removesuffix(".weight")
    if stem in whole:
        return whole[stem] + ".weight", tensor.float().numpy()
    _, _, layer, part = stem.split(".", 3)
    heads = {"self_attn.q_proj": 4, "self_attn.k_proj": 2}.get(part)
    return f"blk.{layer}.{NAMES[part]}.weight", (_permuted(tensor, heads) if heads else tensor).contiguous().numpy()


@pytest.fixture(scope="module")
def model() -> Any:
    """The tiny Llama with weights that bfloat16 holds exactly."""
    tiny = tiny_causal_lm()
    for parameter in tiny.parameters():
        parameter.data = parameter.data.to(torch.bfloat16).float()
    return tiny


@pytest.fixture
def converted(model: Any, tmp_path: Path) -> Path:
    _write_gguf(tmp_path / "tiny.gguf", model, "smollm")
    folder = tmp_path / "model"
    folder.mkdir()
    convert_gguf(tmp_path / "tiny.gguf", folder, name="org/tiny", model_max_length=512)
    return folder


def test_converted_model_is_the_original(model: Any, converted: Path, home: Path) -> None:
    assert verify_folder(converted) == []
    loaded = load_model(str(converted), precision="float32")
    ids = torch.arange(20)[None]
    assert torch.allclose(loaded.model(input_ids=ids).logits, model(input_ids=ids).logits, atol=1e-5)
    stored = load_model(str(converted), precision="bfloat16").model.state_dict()
    assert all(torch.equal(stored[name].float(), tensor) for name, tensor in model.state_dict().items())
    assert loaded.model.generation_config.eos_token_id == 2
    assert "Some name" not in (converted / "config.json").read_text()


def test_converted_tokenizer(converted: Path, home: Path) -> None:
    tokenizer = load_model(str(converted)).tokenizer
    tokens = _tokens()[0]
    assert tokenizer("a12", add_special_tokens=False)["input_ids"] == [tokens.index(c) for c in "a12"]
    assert tokenizer.decode(tokenizer("Zürich 12, ok")["input_ids"]) == "Zürich 12, ok"
    assert tokenizer("<|im_end|>")["input_ids"] == [2]
    assert (tokenizer.eos_token, tokenizer.pad_token, tokenizer.model_max_length) == ("<|im_end|>", "<|im_end|>", 512)
    text = tokenizer.apply_chat_template([{"role": "user", "content": "Hi"}], tokenize=False)
    assert text == "<|im_start|>Hi<|im_end|>"


def test_unknown_pre_tokenizer_is_refused(model: Any, tmp_path: Path) -> None:
    _write_gguf(tmp_path / "tiny.gguf", model, "deepseek-llm")
    with pytest.raises(ModelError, match="pre-tokenizer 'deepseek-llm'"):
        convert_gguf(tmp_path / "tiny.gguf", tmp_path, name="org/tiny", model_max_length=512)


def test_file_that_is_no_gguf(tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf").write_bytes(b"nonsense" * 10)
    with pytest.raises(ModelError, match="not a readable GGUF"):
        convert_gguf(tmp_path / "tiny.gguf", tmp_path, name="org/tiny", model_max_length=512)
