"""What an export is asked is what an evaluation asks: questions whole, long passages cut to the context."""

from pathlib import Path
from types import SimpleNamespace

from nlu_rl.data.cache import write_splits
from nlu_rl.data.checks import SplitRows
from nlu_rl.data.schema import get_schema
from nlu_rl.evaluation.prompts import encode_rows
from nlu_rl.export.probes import choose_examples, make_probes
from nlu_rl.tasks.registry import get_task
from tiny_model import tiny_tokenizer


def test_long_passages_are_cut_and_questions_stay_whole(home: Path) -> None:
    schema, task = get_schema("multirc"), get_task("multirc")
    rows = [
        {
            "id": f"validation-0-{q}-{3 * q + a}",
            "fields": {"paragraph": "many words " * 300, "question": f"q{q}", "answer": str(a)},
            "gold": "yes",
        }
        for q in range(6)
        for a in range(3)
    ]
    write_splits(schema.name, [SplitRows(schema, "validation", "a test", rows)])
    chosen = choose_examples([task], 7)
    assert len(chosen) == 6
    config = SimpleNamespace(max_position_embeddings=1500)
    policy = SimpleNamespace(model=SimpleNamespace(config=config), tokenizer=tiny_tokenizer())
    probes = make_probes(policy, chosen, 12)  # type: ignore[arg-type]
    assert max(len(probe.prompt) for probe in probes) <= 1500 - 12
    asked = encode_rows(policy, task, [example for _, example in chosen], 12)
    assert [probe.prompt for probe in probes] == [prompt.ids.tolist() for prompt in asked]
