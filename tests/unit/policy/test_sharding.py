"""A base cut up over two processes computes what it computes whole, one gathered layer at a time."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch.multiprocessing import spawn

import sharded_ranks
from nlu_rl.errors import ModelError, RecipeError
from nlu_rl.policy import sharding
from nlu_rl.policy.sharding import shard_layers
from tiny_model import tiny_causal_lm


def test_a_base_that_is_cut_up_is_the_same_model(tmp_path: Path) -> None:
    spawn(sharded_ranks.compare, args=(str(tmp_path / "store"), "llama"), nprocs=len(sharded_ranks.ROWS))


def test_what_cannot_be_cut_up_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_causal_lm()
    monkeypatch.setattr(model.get_decoder(), "_no_split_modules", None)
    with pytest.raises(ModelError, match="does not say what its layers are"):
        shard_layers(model, torch.device("cpu"))
    monkeypatch.setattr(sharding, "four_bit_layers", lambda _: iter([("layer", SimpleNamespace())]))
    with pytest.raises(RecipeError, match="4 bits"):
        shard_layers(model, torch.device("cpu"))
