"""What a wrong name is answered with."""

import pytest

from nlu_rl.errors import did_you_mean, unknown_name

MODELS = ["smollm2-135m", "smollm2-360m", "smollm2-1.7b", "qwen2.5-7b"]


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("smolm2-135m", MODELS, ["smollm2-135m"]),
        ("smolm2", MODELS, ["smollm2-135m", "smollm2-360m", "smollm2-1.7b"]),
        ("qwen", MODELS, ["qwen2.5-7b"]),
        ("SST2", ["sst2", "stsb"], ["sst2"]),
        ("grpo.complet", ["grpo.kl", "grpo.completions"], ["grpo.completions"]),
        ("grpo.group", ["grpo.kl", "grpo.completions"], []),
        ("xyz", MODELS, []),
        ("", MODELS, []),
    ],
)
def test_the_nearest_names_are_offered_in_their_order(name: str, known: list[str], meant: list[str]) -> None:
    expected = f" Did you mean {' or '.join(repr(one) for one in meant)}?" if meant else ""
    assert did_you_mean(name, known) == expected


def test_an_unknown_name_is_refused_with_all_known_ones() -> None:
    assert unknown_name("model", "x", ["b", "a"]) == "Unknown model 'x'. Known: a, b."
    assert unknown_name("key", "x", ["b", "a"], ["train.x"]) == (
        "Unknown key 'x'. Did you mean 'train.x'? Known: a, b."
    )
