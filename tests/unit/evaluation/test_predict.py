import json
from pathlib import Path

import pytest

from fake_policy import FakePolicy
from nlu_rl.errors import DataError, RunError
from nlu_rl.evaluation import journal as journal_module
from nlu_rl.evaluation import predict as predict_module
from nlu_rl.evaluation.predict import predict
from nlu_rl.tasks.contract import Example
from nlu_rl.tasks.registry import get_task

TASK = get_task("sst2")
ANSWERS = ["positive</Judgement>", "it is negative, I think", "no idea"]


def rows(count: int) -> list[Example]:
    texts = [f"text {'long ' * (i * 7 % 5)}{i}" for i in range(count)]
    return [Example(f"r{i}", {"sentence": text}, ("negative", "positive")[i % 2]) for i, text in enumerate(texts)]


def run(policy: FakePolicy, examples: list[Example], **changes):
    options = {"temperature": 1.0, "max_new_tokens": 8, "seed": 3, **changes}
    return predict(policy, TASK, examples, **options)


def test_results_come_in_row_order_and_are_judged() -> None:
    policy = FakePolicy([], choose=lambda prompt: "positive</Judgement>" if prompt.count("long ") % 2 else "negative")
    examples = rows(10)
    made = run(policy, examples)
    assert [p.example for p in made] == examples
    for prediction in made:
        strict = prediction.example.fields["sentence"].count("long ") % 2 == 1
        assert prediction.extracted.value == ("positive" if strict else "negative")
        assert prediction.extracted.how == ("strict" if strict else "lenient")
        assert prediction.scored.correct == (prediction.extracted.value == prediction.example.gold)


def test_chunks_never_change_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    examples = rows(30)
    whole = [p.completion for p in run(FakePolicy(ANSWERS), examples)]
    assert len(set(whole)) == 3
    monkeypatch.setattr(predict_module, "CHUNK_COMPLETIONS", 7)
    policy = FakePolicy(ANSWERS)
    assert [p.completion for p in run(policy, examples)] == whole
    assert policy.calls == [7, 7, 7, 7, 2]
    # The same rows under their own numbers in a larger set, and one sample among several.
    some = run(FakePolicy(ANSWERS), examples[10:20], rows=range(10, 20))
    assert [p.completion for p in some] == whole[10:20]
    several = run(FakePolicy(ANSWERS), examples, samples=3)
    assert [p.completion for p in several if p.sample == 0] == whole
    assert [(p.index, p.sample) for p in several] == [(i, s) for i in range(30) for s in range(3)]


def test_another_seed_gives_other_samples_and_greedy_the_same() -> None:
    examples = rows(30)
    one, two = (run(FakePolicy(ANSWERS), examples, seed=seed) for seed in (1, 2))
    assert [p.completion for p in one] != [p.completion for p in two]
    one, two = (run(FakePolicy(ANSWERS), examples, seed=seed, temperature=0) for seed in (1, 2))
    assert [p.completion for p in one] == [p.completion for p in two]


def test_lines_hold_what_was_promised(tmp_path: Path) -> None:
    out = tmp_path / "predictions.jsonl"
    run(FakePolicy(ANSWERS), rows(3), out=out, samples=2)
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [(line["index"], line["sample"]) for line in lines] == [(i, s) for i in range(3) for s in range(2)]
    keys = ["index", "id", "sample", "fields", "prompt_tokens", "completion", "extracted", "how", "gold", "correct"]
    assert list(lines[0]) == [*keys, "reward"]
    assert "fields" not in lines[1]
    prompt = FakePolicy([]).tokenizer.apply_chat_template(TASK.prompt(rows(3)[0])[:-1]) + "<Judgement>"
    assert lines[0]["prompt_tokens"] == len(prompt.encode())


def interrupted(out: Path, examples: list[Example], after: int) -> None:
    asked = iter([False] * after + [True] * 99)
    made = run(FakePolicy(ANSWERS), examples, out=out, should_stop=lambda: next(asked))
    assert len(made) < len(examples)


@pytest.mark.parametrize("damage", ["none", "cut line", "half a chunk", "garbage", "nothing yet"])
def test_a_resumed_evaluation_equals_an_uninterrupted_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    monkeypatch.setattr(predict_module, "CHUNK_COMPLETIONS", 8)
    examples = rows(30)
    whole = tmp_path / "whole" / "predictions.jsonl"
    expected = run(FakePolicy(ANSWERS), examples, out=whole)
    out = tmp_path / "parts" / "predictions.jsonl"
    interrupted(out, examples, after=0 if damage == "nothing yet" else 2)
    content = out.read_bytes() if out.exists() else b""
    if damage == "cut line":
        out.write_bytes(content[:-9])
    elif damage == "half a chunk":
        out.write_bytes(b"".join(content.splitlines(keepends=True)[:11]))
    elif damage == "garbage":
        out.write_bytes(content + b'{"index": 5}\n\x00\x00')
    policy = FakePolicy(ANSWERS)
    assert run(policy, examples, out=out) == expected
    redone = {"none": [8, 6], "garbage": [8, 6], "nothing yet": [8, 8, 8, 6]}.get(damage, [8, 8, 6])
    assert policy.calls == redone
    assert out.read_bytes() == whole.read_bytes()
    assert (out.parent / "settings.json").read_bytes() == (whole.parent / "settings.json").read_bytes()


def test_a_finished_evaluation_is_not_made_again(tmp_path: Path) -> None:
    out = tmp_path / "predictions.jsonl"
    expected = run(FakePolicy(ANSWERS), rows(30), out=out)
    policy = FakePolicy(ANSWERS)
    assert run(policy, rows(30), out=out) == expected
    assert policy.calls == []


@pytest.mark.parametrize(
    "changes", [{"seed": 4}, {"temperature": 0}, {"identity": {"adapter": "b"}}, {"samples": 2}, {"max_new_tokens": 9}]
)
def test_predictions_of_other_settings_are_never_mixed(tmp_path: Path, changes: dict) -> None:
    out = tmp_path / "predictions.jsonl"
    run(FakePolicy(ANSWERS), rows(4), out=out, identity={"adapter": "a"})
    before = out.read_bytes()
    with pytest.raises(RunError, match=next(iter(changes.get("identity", changes)))):
        run(FakePolicy(ANSWERS), rows(4), out=out, **{"identity": {"adapter": "a"}, **changes})
    assert out.read_bytes() == before


def test_predictions_of_other_rows_or_without_settings_are_refused(tmp_path: Path) -> None:
    out = tmp_path / "predictions.jsonl"
    run(FakePolicy(ANSWERS), rows(4), out=out)
    with pytest.raises(RunError, match="data"):
        run(FakePolicy(ANSWERS), [*rows(3), Example("r3", {"sentence": "other"}, "positive")], out=out)
    (tmp_path / "settings.json").unlink()
    with pytest.raises(RunError):
        run(FakePolicy(ANSWERS), rows(4), out=out)


def test_a_full_disk_keeps_the_chunks_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predict_module, "CHUNK_COMPLETIONS", 8)
    out = tmp_path / "predictions.jsonl"
    interrupted(out, rows(30), after=2)
    before = out.read_bytes()
    with monkeypatch.context() as patch:
        whole = journal_module.Path.open

        def full(path: Path, mode: str = "r", *rest: object, **more: object):
            if mode == "a":
                raise OSError(28, "No space left on device")
            return whole(path, mode, *rest, **more)

        patch.setattr(journal_module.Path, "open", full)
        with pytest.raises(RunError, match="No space left"):
            run(FakePolicy(ANSWERS), rows(30), out=out)
    assert out.read_bytes() == before
    assert len(run(FakePolicy(ANSWERS), rows(30), out=out)) == 30


def test_progress_counts_every_prediction_once() -> None:
    seen: list[tuple[int, int]] = []
    run(FakePolicy(ANSWERS), rows(100), samples=2, progress=lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert seen[-1] == (200, 200)


def test_unlabelled_rows_are_answered_but_not_scored() -> None:
    made = run(FakePolicy(["positive</Judgement>"]), [Example("x", {"sentence": "good"}, None)])
    assert made[0].extracted.value == "positive"
    assert made[0].scored is None
    assert made[0].line()["correct"] is None


def test_a_prompt_too_long_for_the_model_is_the_users_to_mend() -> None:
    policy = FakePolicy(ANSWERS)
    policy.model = type("Model", (), {"config": type("Config", (), {"max_position_embeddings": 300})()})()
    with pytest.raises(DataError, match=r"Row 'r0' of sst2 .* does not fit"):
        run(policy, [Example("r0", {"sentence": "long " * 60}, "positive")])
