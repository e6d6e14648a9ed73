"""The trie layout: what is shared, what attends to what, and how batches are cut."""

import numpy as np
import pytest

from nlu_rl.policy.draws import Draws
from nlu_rl.policy.trie import build_trie, split_by_budget


def test_shared_prefixes_are_laid_out_once() -> None:
    trie = build_trie([[1, 2, 3], [1, 2, 4, 5], [1, 2], [6]])
    assert len(trie.tokens) == 6
    for sequence, path in zip([[1, 2, 3], [1, 2, 4, 5], [1, 2], [6]], trie.paths, strict=True):
        assert trie.tokens[path].tolist() == sequence
        assert trie.depths[path].tolist() == list(range(len(sequence)))
        assert trie.path_to(int(path[-1])).tolist() == path.tolist()
    assert sorted(trie.parents.tolist()).count(-1) == 2


@pytest.mark.parametrize("sequences", [[], [[]], [[1], []]])
def test_nothing_to_lay_out_is_refused(sequences: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="at least one token"):
        build_trie(sequences)


def test_groups_keep_to_the_budget_and_keep_relatives_together() -> None:
    sequences = [[1, 1, 1, i] for i in range(4)] + [[2, 2, 2, i] for i in range(4)]
    order = [0, 4, 1, 5, 2, 6, 3, 7]
    groups = split_by_budget([sequences[i] for i in order], 7)
    assert sorted(i for group in groups for i in group) == list(range(8))
    assert len(groups) == 2
    for group in groups:
        assert len(build_trie([sequences[order[i]] for i in group]).tokens) <= 7


def test_a_sequence_longer_than_the_budget_is_a_group_of_its_own() -> None:
    assert split_by_budget([[1] * 10, [2], [3]], 4) == [[0], [1, 2]]


def test_draws_are_uniform_and_depend_on_every_coordinate() -> None:
    rows = np.arange(20_000)
    uniform = Draws(1).uniform(rows, np.zeros_like(rows), 0)
    assert uniform.min() >= 0
    assert uniform.max() < 1
    assert np.histogram(uniform, 10, (0, 1))[0] == pytest.approx(2000, rel=0.1)
    some = np.arange(3)
    base = Draws(1, step=2).uniform(some, some, 3)
    for other in (Draws(2, step=2).uniform(some, some, 3), Draws(1, step=3).uniform(some, some, 3)):
        assert not np.isclose(base, other).any()
    assert not np.isclose(base, Draws(1, step=2).uniform(some, some, 4)).any()
    assert not np.isclose(base, Draws(1, step=2).uniform(some, some + 1, 3)).any()
