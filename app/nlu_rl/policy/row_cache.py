"""Keys and values of the rows being decoded, with room for every token to come.

The library's dynamic cache copies all of itself for each new token, which on a CPU costs more than the token. Here a
token is written into room set aside at the start, and attention reads a view.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer


class RoomyLayer(DynamicLayer):
    """One layer's keys and values (R, heads, length, head size), `room` tokens longer underneath."""

    def __init__(self, keys: Tensor, values: Tensor, room: int) -> None:
        super().__init__()
        self._room_keys = torch.nn.functional.pad(keys, (0, 0, 0, room))
        self._room_values = torch.nn.functional.pad(values, (0, 0, 0, room))
        self.dtype, self.device, self.is_initialized = keys.dtype, keys.device, True
        self._show(keys.shape[-2])

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        start = self.keys.shape[-2]
        end = start + key_states.shape[-2]
        self._room_keys[:, :, start:end] = key_states
        self._room_values[:, :, start:end] = value_states
        self._show(end)
        return self.keys, self.values

    def batch_select_indices(self, indices: Tensor) -> None:
        self._room_keys, self._room_values = self._room_keys[indices], self._room_values[indices]
        self._show(self.keys.shape[-2])

    def _show(self, length: int) -> None:
        self.keys, self.values = self._room_keys[:, :, :length], self._room_values[:, :, :length]


def row_cache(layers: Sequence[tuple[Tensor, Tensor]], room: int) -> DynamicCache:
    """Return a cache that starts with these keys and values and takes `room` more tokens."""
    cache = DynamicCache()
    cache.layers = [RoomyLayer(keys, values, room) for keys, values in layers]
    return cache
