"""The model as the engine sees it: the trunk that gives last hidden states, and the head that gives logits.

Works through a PEFT wrapper, whose adapters stay active because they live inside the trunk's own modules. Where the
trunk is cut up (`sharding.py`), all processes must make equally many passes through it.
"""

import inspect
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.fsdp import FSDPModule

from nlu_rl.policy.attention import TRIE_ATTENTION


class Backbone:
    """Trunk and language-model head of a causal LM, with or without an adapter."""

    def __init__(self, model: torch.nn.Module) -> None:
        base = model.get_base_model() if hasattr(model, "get_base_model") else model
        self.trunk: torch.nn.Module = base.get_decoder() if hasattr(base, "get_decoder") else base.base_model
        if self.trunk is base:
            self.trunk = base.base_model
        self.sharded = isinstance(self.trunk, FSDPModule)
        self._announces = False
        self.head: torch.nn.Module = base.get_output_embeddings()
        self.config: Any = base.config
        self.takes_positions = "position_ids" in inspect.signature(self.trunk.forward).parameters
        self.device: torch.device = next(base.parameters()).device
        self.dtype: torch.dtype = self.head.weight.dtype
        if self.config._attn_implementation == "sdpa":
            base.set_attn_implementation(TRIE_ATTENTION)

    @property
    def cache_bytes_per_token(self) -> int:
        """Bytes of one token's keys and values in all layers."""
        config = self.config
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        return int(2 * config.num_hidden_layers * heads * size * self.dtype.itemsize)

    def hidden(self, **inputs: Any) -> Any:
        """Run the trunk; `last_hidden_state` of the result is (rows, length, hidden size)."""
        if not self.takes_positions:
            inputs.pop("position_ids", None)
        if self._announces:
            self.most(1)
        with self.autocast():
            return self.trunk(**inputs)

    def most(self, count: int) -> int:
        """Return the largest of the processes' counts where the trunk is cut up; all must ask together."""
        if not self.sharded:
            return count
        held = torch.tensor(count)
        dist.all_reduce(held, dist.ReduceOp.MAX)
        return int(held)

    @contextmanager
    def as_many_passes(self) -> Iterator[None]:
        """Let processes make different numbers of passes inside, without gradient.

        A pass gathers every layer from all processes. So each is announced, and who is done goes on with passes of
        one token for as long as another announces any.
        """
        self._announces = self.sharded
        try:
            yield
        finally:
            self._announces = False
        while self.sharded and self.most(0):
            one = torch.ones(1, 1, dtype=torch.long, device=self.device)
            self.hidden(input_ids=one, attention_mask=one, position_ids=one, use_cache=False)

    def logits(self, hidden: Tensor) -> Tensor:
        """Return float32 logits (..., V) of hidden states (..., hidden size)."""
        with self.autocast():
            logits: Tensor = self.head(hidden.to(self.dtype))
        return logits.float()

    def autocast(self) -> AbstractContextManager[Any]:
        """LoRA matmuls run in the base's compute type while their master weights stay float32."""
        if self.dtype == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.dtype)
