"""Makes a tiny random BERT with a tokenizer of one token a character."""

from pathlib import Path
from typing import Any

WEIGHTS = "model.safetensors"


def write_tiny_encoder(folder: Path, **changes: Any) -> Path:
    """Write the model and its tokenizer to `folder` and return it."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    special = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
    vocab = {token: number for number, token in enumerate([*special, *map(chr, range(32, 127))])}
    tokenizer = Tokenizer(models.WordLevel(vocab, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        unk_token="[UNK]",
        model_max_length=128,
    )
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = BertModel(BertConfig(vocab_size=len(vocab), max_position_embeddings=128, **{**sizes, **changes}))
    model.save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


def as_published(folder: Path, target: Path) -> Path:
    """Copy a tiny BERT as Google's lie on the hub: for masked language modelling, its norms under their first names."""
    import shutil

    from safetensors.torch import load_file, save_file
    from transformers import BertConfig, BertForMaskedLM

    shutil.copytree(folder, target)
    model = BertForMaskedLM(BertConfig.from_pretrained(folder))
    weights = {**model.state_dict(), **{f"bert.{name}": each for name, each in load_file(folder / WEIGHTS).items()}}
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): each.clone()
        for name, each in weights.items()
    }
    save_file(old, target / WEIGHTS, metadata={"format": "pt"})
    return target
