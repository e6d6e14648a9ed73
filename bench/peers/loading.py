"""What the peers share: the model, the tokenizer, the adapter, and the arguments every TRL trainer is given.

What is not stated here is as TRL comes, with two exceptions that make the peer faster than its defaults: no gradient
checkpointing unless the case asks for it, and neither logging nor saving.
"""

from typing import Any

import torch
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer

from bench.work import MANY_BATCHES, Work


def load_policy(work: Work) -> tuple[Any, Any]:
    """Return the causal model in the compute type, and its tokenizer."""
    tokenizer = AutoTokenizer.from_pretrained(work.model)
    model = AutoModelForCausalLM.from_pretrained(work.model, dtype=getattr(torch, work.dtype))
    return (model.cuda() if torch.cuda.is_available() else model), tokenizer


def lora_config(work: Work) -> LoraConfig:
    return LoraConfig(r=work.rank, lora_alpha=work.alpha, target_modules="all-linear", task_type="CAUSAL_LM")


def trainer_arguments(work: Work) -> dict[str, Any]:
    return {
        "output_dir": work.folder,
        "per_device_train_batch_size": work.batch,
        "max_steps": MANY_BATCHES,
        "learning_rate": work.learning_rate,
        "gradient_checkpointing": work.checkpointing,
        "bf16": work.dtype == "bfloat16",
        "use_cpu": not torch.cuda.is_available(),
        "seed": work.seed,
        "report_to": "none",
        "save_strategy": "no",
        "logging_strategy": "no",
        "disable_tqdm": True,
    }
