"""The shared-prefix layout of a batch: token sequences become one trie in depth-first order.

Pure numpy, no model. In depth-first order node `j` is an ancestor of node `i` (or `i` itself) exactly when
`j <= i < ends[j]`, so what attends to what is two comparisons and needs no search.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Trie:
    """`N` nodes, one a distinct (prefix, token)."""

    tokens: Ints
    """(N,) token of each node."""
    depths: Ints
    """(N,) position of each node in its sequence."""
    ends: Ints
    """(N,) one past the last descendant of each node."""
    paths: list[Ints]
    """For each sequence, the node of each of its tokens."""

    @cached_property
    def parents(self) -> Ints:
        """(N,) the node before each node, -1 before a first one."""
        parents = np.full(len(self.tokens), -1)
        latest = np.full(int(self.depths.max()) + 2, -1)  # the last node met at each depth, after a first of none
        for node, depth in enumerate(self.depths.tolist()):
            parents[node] = latest[depth]
            latest[depth + 1] = node
        return parents

    def children(self) -> dict[tuple[int, int], int]:
        """Return the node of each token after each node, by (node, token); -1 is the node before the first ones."""
        pairs = zip(self.parents.tolist(), self.tokens.tolist(), strict=True)
        return {pair: node for node, pair in enumerate(pairs)}

    def path_to(self, node: int) -> Ints:
        """Return the nodes from a first one to this one."""
        path = []
        while node >= 0:
            path.append(node)
            node = int(self.parents[node])
        return np.array(path[::-1], np.int64)


def build_trie(sequences: Sequence[Sequence[int]]) -> Trie:
    """Lay out the sequences, which may repeat, be prefixes of one another, or share nothing.

    Raises:
        ValueError: an empty sequence, or none.
    """
    if not sequences or any(len(sequence) == 0 for sequence in sequences):
        raise ValueError("a trie needs sequences of at least one token")
    tokens: list[int] = []
    depths: list[int] = []
    ends: list[int] = []
    paths: list[Ints] = [np.empty(0, np.int64)] * len(sequences)
    previous: Sequence[int] = ()
    path: list[int] = []
    for row in sorted(range(len(sequences)), key=lambda r: tuple(sequences[r])):
        sequence = sequences[row]
        shared = _common_prefix(previous, sequence)
        for node in path[shared:]:
            ends[node] = len(tokens)
        path = path[:shared]
        for depth in range(shared, len(sequence)):
            path.append(len(tokens))
            tokens.append(sequence[depth])
            depths.append(depth)
            ends.append(0)
        paths[row] = np.array(path, np.int64)
        previous = sequence
    for node in path:
        ends[node] = len(tokens)
    return Trie(np.array(tokens), np.array(depths), np.array(ends), paths)


def split_by_budget(sequences: Sequence[Sequence[int]], max_nodes: int) -> list[list[int]]:
    """Group the sequences so that each group's trie has at most `max_nodes` nodes, or is a single sequence.

    Groups follow the sorted order, which keeps shared beginnings, and so a prompt's completions, together.

    Returns:
        The indices of each group.
    """
    groups: list[list[int]] = []
    nodes = 0
    previous: Sequence[int] = ()
    for row in sorted(range(len(sequences)), key=lambda r: tuple(sequences[r])):
        sequence = sequences[row]
        added = len(sequence) - (_common_prefix(previous, sequence) if groups else 0)
        if not groups or nodes + added > max_nodes:
            groups.append([])
            nodes, added = 0, len(sequence)
        groups[-1].append(row)
        nodes += added
        previous = sequence
    return groups


def common_prefix(sequences: Sequence[Sequence[int]]) -> int:
    """Return how many tokens all sequences begin with; of sorted ones only the first and the last matter."""
    return _common_prefix(min(sequences, key=tuple), max(sequences, key=tuple))


def _common_prefix(a: Sequence[int], b: Sequence[int]) -> int:
    shortest = min(len(a), len(b))
    for i in range(shortest):
        if a[i] != b[i]:
            return i
    return shortest
