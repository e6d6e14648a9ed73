"""Measures the peak memory of one training pass in a process of its own: `python peak_memory.py JSON` prints JSON."""

import json
import re
import sys
from pathlib import Path
from typing import Any


def status(key: str) -> int:
    """Return a size of this process, such as VmHWM (the most it has held), in bytes."""
    found = re.search(rf"^{key}:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"), re.MULTILINE)
    return int(found.group(1)) * 1024 if found else 0


TINY = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "vocab_size": 256,
}


def measure(sizes: dict[str, Any], rows: int, prompt_tokens: int, new_tokens: int, dtype: str) -> int:
    """Return the most that model, adapter, optimizer and two training passes hold at once, libraries left out."""
    train(TINY, 2, 8, 2, dtype)  # what the libraries take on first use
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak counts from here
    before = status("VmRSS")
    train(sizes, rows, prompt_tokens, new_tokens, dtype)
    return status("VmHWM") - before


def train(sizes: dict[str, Any], rows: int, prompt_tokens: int, new_tokens: int, dtype: str) -> None:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM

    from nlu_rl.models.lora_linear import use_fused_updates
    from nlu_rl.policy.policy import Policy
    from tiny_model import tiny_tokenizer

    torch.set_default_dtype(getattr(torch, dtype))
    model = LlamaForCausalLM(LlamaConfig(**sizes, tie_word_embeddings=False, attn_implementation="sdpa"))
    torch.set_default_dtype(torch.float32)
    model = get_peft_model(model, LoraConfig(r=16, target_modules="all-linear"), autocast_adapter_dtype=True)
    use_fused_updates(model)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad])
    policy = Policy(model, tiny_tokenizer(), max_tokens=rows * (prompt_tokens + new_tokens))
    generator = torch.Generator().manual_seed(0)
    prompts = torch.randint(250, (rows, prompt_tokens), generator=generator).tolist()
    prompts = [[row, *prompt[1:]] for row, prompt in enumerate(prompts)]  # nothing is shared
    completions = torch.randint(250, (rows, new_tokens), generator=generator).tolist()
    for _ in range(2):  # the optimizer's state exists from the first step on
        scores = policy.score_together(prompts, completions)
        scores.log_probs.sum().backward()
        optimizer.step()
        optimizer.zero_grad()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(**json.loads(sys.argv[1]))))
