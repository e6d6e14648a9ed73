from pathlib import Path
from typing import Any

import pytest

from fake_policy import FakePolicy
from nlu_rl.errors import DataError
from nlu_rl.evaluation.job import evaluate_policy
from nlu_rl.evaluation.predict import predict
from nlu_rl.evaluation.rows import choose_rows, demonstrations, load_rows, unseen
from nlu_rl.evaluation.shots import best_shots, require_shots
from nlu_rl.evaluation.summary import summarize
from nlu_rl.tasks.contract import Example
from nlu_rl.tasks.registry import get_task

SST2, STSB = get_task("sst2"), get_task("stsb")


def rows(count: int) -> list[Example]:
    return [Example(str(i), {"sentence": f"s{i}"}, "positive" if i % 4 else "negative") for i in range(count)]


def test_a_smaller_evaluation_sees_a_part_of_a_larger_one() -> None:
    examples = rows(50)
    few, many = choose_rows(examples, 10, what="x"), choose_rows(examples, 30, what="x")
    assert len(few) == 10
    assert set(few) <= set(many) if isinstance(few[0][0], str) else all(pair in many for pair in few)
    assert few == sorted(few, key=lambda pair: pair[0])
    assert [examples[number] for number, _ in few] == [example for _, example in few]
    assert [number for number, _ in few] != list(range(10))
    assert choose_rows(examples, None, what="x") == list(enumerate(examples))


def test_unlabelled_rows_cannot_be_scored() -> None:
    with pytest.raises(DataError, match="The test split of sst2 has no labelled rows"):
        choose_rows([Example("0", {"sentence": "x"}, None)], None, what="The test split of sst2")


def test_rows_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text('sentence,label\n"good, really",positive\nbad,negative\n', encoding="utf-8")
    loaded = load_rows(SST2, {"data": str(path), "examples": None})
    assert [(number, example.gold) for number, example in loaded] == [(0, "positive"), (1, "negative")]
    path.write_text("sentence,label\ngood,maybe\n", encoding="utf-8")
    with pytest.raises(DataError, match="maybe"):
        load_rows(SST2, {"data": str(path)})


def test_demonstrations_are_dealt_out_over_the_answers() -> None:
    train = rows(40)
    for count in range(1, 6):
        golds = [example.gold for example in demonstrations(SST2, train, count)]
        assert golds == ["negative", "positive", "negative", "positive", "negative"][:count]
    assert demonstrations(SST2, train, 3) == demonstrations(SST2, train, 5)[:3]
    numbers = [Example(str(i), {"sentence1": "a", "sentence2": "b"}, f"{i}.0") for i in range(5)]
    assert len(demonstrations(STSB, numbers, 4)) == 4
    assert demonstrations(STSB, numbers, 0) == []
    with pytest.raises(DataError, match="6 demonstrations"):
        demonstrations(SST2, train[:5], 6)


def scores(*golds: float) -> list[Example]:
    return [Example(str(i), {"sentence1": f"a{i}", "sentence2": "b"}, str(gold)) for i, gold in enumerate(golds)]


def test_demonstrations_of_a_number_are_one_of_each_band_of_the_scale() -> None:
    low_ones = [0.0, 0.2, 0.4, 0.8] * 20
    train = scores(*low_ones, 1.7, 2.2, 2.4, 2.6, 3.1, 3.9, 4.4, 5.0)
    drawn = {(count, seed): demonstrations(STSB, train, count, seed) for count in range(1, 6) for seed in range(8)}
    for (count, _), shots in drawn.items():
        bands = sorted(min(int(float(str(shot.gold)) / 5 * count), count - 1) for shot in shots)
        assert bands == list(range(count)), [shot.gold for shot in shots]
    assert len({tuple(shot.id for shot in drawn[3, seed]) for seed in range(8)}) > 4
    assert len({shots[0].gold > "1.6" for (count, _), shots in drawn.items() if count == 3}) == 2, "no band is first"


def test_a_band_without_rows_gives_way_to_the_nearest_row() -> None:
    golds = {shot.gold for shot in demonstrations(STSB, scores(0.1, 0.2, 0.3, 1.0, 4.9), 3)}
    assert golds > {"1.0", "4.9"}
    assert len(golds) == 3


def test_no_demonstration_of_a_number_is_tried_on_itself() -> None:
    most_in_the_middle = [2 + n / 60 for n in range(60)] + [0.5, 1.5, 3.5, 4.5]
    asked: list[tuple[set[str], set[str]]] = []

    def answer(examples: Any, shots: Any) -> Any:
        asked.append(({example.id for example in examples}, {shot.id for shot in shots}))
        return predict(FakePolicy(["1.0"]), STSB, examples, temperature=0.0, max_new_tokens=8, seed=0, shots=shots)

    best_shots(answer, STSB, scores(*most_in_the_middle))
    shown = set().union(*(shots for _, shots in asked))
    assert len(shown) > 5, "the counts have demonstrations of their own"
    assert not any(rows & shown for rows, _ in asked)


def answering(policy: FakePolicy) -> Any:
    """Answer rows after demonstrations, greedily, as a subject does."""
    return lambda examples, shots: predict(
        policy, SST2, examples, temperature=0.0, max_new_tokens=8, seed=0, shots=shots
    )


def test_the_best_number_of_demonstrations_is_chosen_on_other_rows() -> None:
    train = rows(40)
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        right = "positive" if int(prompt.rpartition("s")[2].partition("<")[0]) % 4 else "negative"
        shots = prompt.count("</Judgement>") - SST2.instructions.count("</Judgement>")
        return right if shots == 3 else "?"

    count, tried = best_shots(answering(FakePolicy([], choose=answer)), SST2, train)
    assert count == 3
    assert tried == {1: 0.0, 2: 0.0, 3: 1.0, 4: 0.0, 5: 0.0}
    assert len(asked) == 5 * 35


@pytest.mark.parametrize(("training_rows", "tried"), [(6, 5), (5, 4), (2, 1)])
def test_with_few_rows_fewer_demonstrations_are_tried(
    training_rows: int, tried: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = rows(training_rows)
    _, scores = best_shots(answering(FakePolicy(["?"])), SST2, train)
    assert list(scores) == list(range(1, tried + 1))
    monkeypatch.setattr(type(SST2), "load", lambda self, split: train)
    told = require_shots(SST2, [], {"shots": "best"})
    assert told.startswith(f"Instead of up to 5 demonstrations, up to {tried} are tried" if tried < 5 else told[:0])
    assert bool(told) == (tried < 5)


def test_too_few_rows_for_any_demonstration(monkeypatch: pytest.MonkeyPatch) -> None:
    train = rows(3)
    monkeypatch.setattr(type(SST2), "load", lambda self, split: train)
    assert require_shots(SST2, train[:2], {"shots": 1}) == require_shots(SST2, train, {"shots": 0}) == ""
    for shots in ("best", 2):
        with pytest.raises(DataError, match="has 1 labelled rows that are not evaluated"):
            require_shots(SST2, train[:2], {"shots": shots})


def test_summary_of_several_samples_and_strict_against_lenient() -> None:
    answers = ["positive</Judgement>", "surely negative", "?"]
    summary = evaluate_policy(FakePolicy(answers), SST2, rows(60), temperature=1.0, max_new_tokens=8, seed=1, samples=4)
    assert (summary.n, summary.samples) == (60, 4)
    assert summary.parse_rate == pytest.approx(1 / 3, abs=0.1)
    assert summary.parse_rate_lenient == pytest.approx(2 / 3, abs=0.1)
    assert summary.parse_rate_lenient > summary.parse_rate
    low, high = summary.intervals["accuracy"]
    assert low < summary.scores["accuracy"] < high
    assert summary.sample_intervals is not None
    assert sum(map(sum, summary.confusion.counts)) == 240
    assert evaluate_policy(FakePolicy(answers), SST2, rows(60), temperature=0.0, max_new_tokens=8, seed=1).scores[
        "accuracy"
    ] == pytest.approx(0.75)


def test_summary_refuses_unlabelled_rows() -> None:
    from nlu_rl.evaluation.predict import predict

    made = predict(
        FakePolicy(["?"]), SST2, [Example("0", {"sentence": "x"}, None)], temperature=1, max_new_tokens=4, seed=1
    )
    with pytest.raises(ValueError, match="unlabelled"):
        summarize(SST2, made, 1)


def test_rows_that_belong_together_are_chosen_together() -> None:
    task = get_task("multirc")
    examples = [Example(f"validation-0-{n // 4}-{n}", {}, "no") for n in range(40)]
    chosen = choose_rows(examples, 10, what="x", task=task)
    assert len(chosen) == 8
    questions = {task.together(example) for _, example in chosen}
    assert len(questions) == 2
    assert [row for row in chosen if row not in choose_rows(examples, 20, what="x", task=task)] == []
    assert len(choose_rows(examples, None, what="x", task=task)) == 40
    assert len(choose_rows(examples, 1, what="x", task=task)) == 4, "one question at least"


def test_demonstrations_are_drawn_by_a_seed_of_their_own() -> None:
    train = rows(40)
    drawn = {seed: demonstrations(SST2, train, 4, seed) for seed in range(6)}
    assert drawn[0] == demonstrations(SST2, train, 4)
    assert len({tuple(example.id for example in shots) for shots in drawn.values()}) == 6
    for shots in drawn.values():
        golds = [example.gold for example in shots]
        assert golds.count("positive") == golds.count("negative") == 2
    assert {shots[0].gold for shots in drawn.values()} == {"positive", "negative"}, "neither is always first"
    asked: list[str] = []
    best_shots(answering(FakePolicy([], choose=lambda prompt: asked.append(prompt) or "?")), SST2, train, seed=3)
    shown = demonstrations(SST2, train, 5, 3)
    assert all(shown[0].fields["sentence"] in prompt for prompt in asked)


def test_a_row_that_is_evaluated_is_no_demonstration() -> None:
    train = rows(40)
    evaluated = [Example("another-id", {"sentence": train[3].fields["sentence"].upper() + " !"}, "positive")]
    assert unseen(train, evaluated) == [*train[:3], *train[4:]]


def test_numbers_of_demonstrations_that_do_not_fit_are_not_chosen() -> None:
    from nlu_rl.evaluation.prompts import PromptTooLongError

    answer = answering(FakePolicy(["?"]))

    def limited(examples: Any, shots: Any) -> Any:
        if len(shots) > most:
            raise PromptTooLongError("too long", "cut")
        return answer(examples, shots)

    most = 2
    _, tried = best_shots(limited, SST2, rows(40))
    assert list(tried) == [1, 2]
    most = 0
    with pytest.raises(PromptTooLongError):
        best_shots(limited, SST2, rows(40))
