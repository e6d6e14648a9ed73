"""The numbers of an architecture that decide how much memory it takes.

Read from the catalogue, or from a model folder's `config.json`. Knows the decoder families this program runs: Llama and
its relatives (Qwen2, Mistral, SmolLM) and MPT.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nlu_rl.errors import ModelError
from nlu_rl.models.verify import how_to_mend

NAMED_AS_LLAMA = ("llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "granite", "smollm3", "olmo", "olmo2")
"""Architectures whose linear maps have the names of Llama's."""


@dataclass(frozen=True, slots=True)
class ModelShape:
    """Sizes of a decoder-only model."""

    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    vocab: int
    context: int
    tied: bool
    """Whether the output layer is the embedding table."""
    head_size: int
    gated: bool = True
    """Whether the MLP has a gate beside its up projection."""
    attention_bias: bool = False
    """Whether the query, key and value projections have a bias."""
    named: bool = True
    """Whether its linear maps are known to have the names of Llama's, or of MPT's."""

    @property
    def kv_size(self) -> int:
        """Width of the keys, and of the values, of one token in one layer."""
        return self.kv_heads * self.head_size

    @property
    def linear_sizes(self) -> list[tuple[int, int]]:
        """Inputs and outputs of every linear map in one layer."""
        queries = self.heads * self.head_size
        if not self.gated:  # MPT: one map for queries, keys and values
            attention = [(self.hidden, queries + 2 * self.kv_size), (queries, self.hidden)]
            return [*attention, (self.hidden, self.intermediate), (self.intermediate, self.hidden)]
        attention = [(self.hidden, queries), *[(self.hidden, self.kv_size)] * 2, (queries, self.hidden)]
        return [*attention, *[(self.hidden, self.intermediate)] * 2, (self.intermediate, self.hidden)]

    @property
    def linear_names(self) -> list[str]:
        """Name of every linear map in one layer, in the order of `linear_sizes`: what LoRA can adapt."""
        if not self.gated:
            return ["Wqkv", "out_proj", "up_proj", "down_proj"]
        return ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]

    @property
    def linear_parameters(self) -> int:
        """Weights that are held in 4 bits when the model is quantized."""
        return self.layers * sum(inputs * outputs for inputs, outputs in self.linear_sizes)

    @property
    def parameters(self) -> int:
        embeddings = self.vocab * self.hidden * (1 if self.tied else 2)
        biases = self.heads * self.head_size + 2 * self.kv_size if self.attention_bias else 0
        norms = (2 * self.layers + 1) * self.hidden
        return embeddings + self.linear_parameters + self.layers * biases + norms


def shape_of_folder(folder: Path) -> ModelShape:
    """Return the shape of the model in `folder`.

    Raises:
        ModelError: `config.json` is missing, damaged, or of an architecture that is not known here.
    """
    path = folder / "config.json"
    try:
        return shape_of_config(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ModelError(f"Cannot read {path}: {error.strerror}.", "Give the folder of a whole model.") from None
    except ValueError:  # of the decoding as of the JSON
        mend = how_to_mend(folder)
        raise ModelError(f"{path} is damaged: it holds no JSON.", f"{mend[0].upper()}{mend[1:]}.") from None
    except (KeyError, TypeError, AttributeError, ZeroDivisionError) as error:
        why = f": it states no {error.args[0]}" if isinstance(error, KeyError) else ""
        raise ModelError(
            f"{path} does not describe a model whose memory can be planned{why}.",
            "Use a Llama, Qwen2, Mistral, SmolLM or MPT model.",
        ) from None


def shape_of_config(config: Mapping[str, Any]) -> ModelShape:
    """Return the shape stated by a transformers configuration. Raises KeyError when it states none."""
    if config["model_type"] == "mpt":
        hidden, heads = config["d_model"], config["n_heads"]
        return ModelShape(
            layers=config["n_layers"],
            hidden=hidden,
            intermediate=4 * hidden,  # whatever its expansion_ratio says
            heads=heads,
            kv_heads=config.get("attn_config", {}).get("kv_n_heads") or heads,
            vocab=config["vocab_size"],
            context=config.get("max_seq_len", 2048),
            tied=True,
            head_size=hidden // heads,
            gated=False,
        )
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    return ModelShape(
        layers=config["num_hidden_layers"],
        hidden=hidden,
        intermediate=config["intermediate_size"],
        heads=heads,
        kv_heads=config.get("num_key_value_heads") or heads,
        vocab=config["vocab_size"],
        context=config["max_position_embeddings"],
        tied=config.get("tie_word_embeddings", False),
        head_size=config.get("head_dim") or hidden // heads,
        attention_bias=config.get("attention_bias", config["model_type"] == "qwen2"),
        named=config["model_type"] in NAMED_AS_LLAMA,
    )
