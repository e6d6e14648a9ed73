"""What the trunk has made of some prompts, kept to go on from: to sample, and to score what was sampled.

It grows: whatever is read after the prompts is computed once, from the keys and values that are here, and kept as well.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nlu_rl.policy.attention import trie_layout
from nlu_rl.policy.backbone import Backbone
from nlu_rl.policy.trie import Ints, Trie, build_trie


class PromptStates:
    """The states of a trie's nodes, with their graph where gradients were on. Good until the weights change."""

    def __init__(self, backbone: Backbone, prompts: Sequence[Sequence[int]]) -> None:
        """Run all prompts as one packed row."""
        self.trie: Trie = build_trie(prompts)
        self._backbone = backbone
        self._sequences = list(prompts)
        self._places: Ints = np.arange(len(self.trie.tokens))
        self._children = self.trie.children()
        self._hidden, self._layers = run_trie(backbone, self.trie)

    @property
    def has_gradient(self) -> bool:
        return self._hidden.requires_grad

    def read(self, sequences: Sequence[Sequence[int]]) -> None:
        """Make sure that all of these sequences have been read; only what is new of them is computed."""
        trie = build_trie([*self._sequences, *sequences])
        places = self._places_of(trie)
        fresh = np.flatnonzero(places < 0)
        if not len(fresh):
            return
        places[fresh] = len(self._hidden) + np.arange(len(fresh))
        hidden, self._layers = run_trie(self._backbone, trie, fresh, places, self._layers)
        self._hidden = torch.cat([self._hidden, hidden])
        self._sequences += sequences
        self.trie, self._places, self._children = trie, places, trie.children()

    def path(self, sequence: Sequence[int]) -> Ints:
        """Return the node of each token of a sequence that has been read."""
        node, path = -1, []
        for token in sequence:
            node = self._children[node, token]
            path.append(node)
        return np.array(path, np.int64)

    def child(self, node: int, token: int) -> int | None:
        """Return the node of a token after a node, if it has been read."""
        return self._children.get((node, token))

    def hidden(self, nodes: Ints) -> Tensor:
        """Return the last hidden states (n, hidden size) of some nodes."""
        return self._hidden[self._index(nodes)]

    def keys_and_values(self, nodes: Ints) -> list[tuple[Tensor, Tensor]]:
        """Return, for each layer, keys and values (heads, *nodes.shape, head size) of some nodes."""
        index = self._index(nodes)
        return [(keys[0][:, index], values[0][:, index]) for keys, values in self._layers]

    def _index(self, nodes: Ints) -> Tensor:
        return torch.as_tensor(self._places[nodes], device=self._backbone.device)

    def _places_of(self, trie: Trie) -> Ints:
        """Return where the state of each node of another trie is (N,), -1 where it has not been read."""
        nodes: list[int | None] = []
        for parent, token in zip(trie.parents.tolist(), trie.tokens.tolist(), strict=True):
            before = -1 if parent < 0 else nodes[parent]
            nodes.append(None if before is None else self.child(before, token))
        return np.array([-1 if node is None else self._places[node] for node in nodes], np.int64)


def run_trie(
    backbone: Backbone,
    trie: Trie,
    nodes: Ints | None = None,
    places: Ints | None = None,
    layers: Sequence[tuple[Tensor, Tensor]] = (),
) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
    """Run a trie, or those of its nodes whose ancestors are in `layers`, as one packed row.

    Args:
        places: (N,) where the keys of each node are: after those of `layers`, for the nodes that are run.
        layers: for each layer keys and values (1, heads, M, head size) of what was run before.

    Returns:
        The last hidden states of what is run (n, hidden size), and the keys and values of all.
    """
    from transformers import DynamicCache

    cache = DynamicCache()
    for number, (keys, values) in enumerate(layers):
        cache.update(keys, values, number)
    layout = trie_layout(trie, backbone.device, nodes, places)
    output = backbone.hidden(**trie_inputs(trie, backbone, nodes), trie=layout, past_key_values=cache, use_cache=True)
    return output.last_hidden_state[0], [(layer.keys, layer.values) for layer in cache.layers]


def trie_inputs(trie: Trie, backbone: Backbone, nodes: Ints | None = None) -> dict[str, Any]:
    """Return what the trunk takes for the nodes of a trie, or some of them, as one row."""
    chosen = slice(None) if nodes is None else nodes

    def place(array: Ints) -> Tensor:
        return torch.as_tensor(array[chosen], device=backbone.device)[None]

    return {
        "input_ids": place(trie.tokens),
        "position_ids": place(trie.depths),
        # The layout is the mask. A model that ignores the layout sees everything, and fails the self-check.
        "attention_mask": torch.ones(1, 1, 1, 1, dtype=torch.bool, device=backbone.device),
    }
