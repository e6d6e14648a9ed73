"""Makes tiny random chat models of several architectures, with a byte-level tokenizer of 259 entries."""

from pathlib import Path
from typing import Any

CHAT_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SIZES: dict[str, Any] = {
    "vocab_size": 320,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
    "bos_token_id": 256,
    "eos_token_id": 257,
    "pad_token_id": 258,
}


def tiny_tokenizer() -> Any:
    """Return a byte-level tokenizer: one token a byte, and three special tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<|pad|>", bos_token="<|im_start|>", eos_token="<|im_end|>"
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast


def tiny_causal_lm(architecture: str = "llama", seed: int = 0, **changes: Any) -> Any:
    """Return a random model of `llama`, `qwen2` or `mpt` in float32."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, MptConfig, MptForCausalLM, Qwen2Config, Qwen2ForCausalLM

    sizes = {**SIZES, **changes}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if architecture == "mpt":
            config = MptConfig(d_model=32, n_heads=4, n_layers=2, vocab_size=320, max_seq_len=512, expansion_ratio=2)
            config.pad_token_id, config.eos_token_id, config.bos_token_id = 258, 257, 256
            model = MptForCausalLM(config)
        elif architecture == "qwen2":
            model = Qwen2ForCausalLM(Qwen2Config(**sizes))
        else:
            model = LlamaForCausalLM(LlamaConfig(**sizes))
        # The default initialisation is so small that every distribution is flat; spread it out.
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, std=0.15 if "embed" in name or "wte" in name else 0.25)
            elif name.endswith("bias"):
                torch.nn.init.normal_(parameter, std=0.1)
    return model.eval()


def write_tiny_model(folder: Path, architecture: str = "llama", **changes: Any) -> Path:
    """Write the model and its tokenizer to `folder` and return it."""
    model = tiny_causal_lm(architecture, **changes)
    model.generation_config.pad_token_id = SIZES["pad_token_id"]
    model.save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder
