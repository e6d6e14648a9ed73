"""The blocks of the trie's attention let a node see exactly its own prefix."""

import numpy as np
import pytest
import torch

from nlu_rl.policy.attention import trie_layout
from nlu_rl.policy.trie import build_trie

CPU = torch.device("cpu")


@pytest.mark.parametrize("prefix", [0, 3, 40, 280])
def test_a_node_attends_to_exactly_its_own_prefix(prefix: int) -> None:
    rng = np.random.default_rng(prefix)
    sequences = [[1] * prefix + rng.integers(2, 9, rng.integers(1, 50)).tolist() for _ in range(9)]
    trie = build_trie(sequences)
    layout = trie_layout(trie, CPU)
    size = layout.mask.shape[1]
    for path in trie.paths:
        for depth, node in enumerate(path):
            seen = layout.keys[node // size][layout.mask[node // size, node % size]]
            assert sorted(seen.tolist()) == sorted(path[: depth + 1])


def test_the_cost_grows_with_the_nodes_not_their_square() -> None:
    def pairs(rows: int) -> int:
        return trie_layout(build_trie([[1] * 76 + [2 + row] * 24 for row in range(rows)]), CPU).mask.numel()

    assert pairs(64) < 4.5 * pairs(16)


def test_queries_beyond_the_last_node_see_something() -> None:
    assert trie_layout(build_trie([[1] * 33]), CPU).mask.any(-1).all()
