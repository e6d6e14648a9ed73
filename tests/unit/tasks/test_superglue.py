"""What is particular to SuperGLUE: metrics that see rows together, and the official files to hand in."""

import json
import random

import numpy as np
import pytest
from sklearn.metrics import f1_score

from nlu_rl.evaluation.intervals import bootstrap_intervals
from nlu_rl.evaluation.paired import compare_paired
from nlu_rl.evaluation.resampling import count_units, resampled_metrics
from nlu_rl.tasks.base import DatasetTask
from nlu_rl.tasks.contract import Example, Scored
from nlu_rl.tasks.registry import get_task

Rows = list[tuple[Example, Scored]]


def multirc_rows(seed: int, questions: int = 40) -> Rows:
    draw, task = random.Random(seed), get_task("multirc")
    rows = []
    for question in range(questions):
        for answer in range(draw.randint(1, 5)):
            example = Example(f"validation-{question // 3}-{question}-{answer}", {}, draw.choice(["no", "yes"]))
            rows.append((example, task.score(example, draw.choice(["no", "yes", example.gold or "", "?"]))))
    return rows


@pytest.mark.parametrize("seed", range(5))
def test_multirc_against_scikit_learn_and_a_plain_count(seed: int) -> None:
    rows = multirc_rows(seed)
    metrics = get_task("multirc").metrics(rows)
    gold = [example.gold == "yes" for example, _ in rows]
    assert metrics["f1a"] == pytest.approx(f1_score(gold, [s.extracted.value == "yes" for _, s in rows]))
    questions: dict[str, list[bool]] = {}
    for example, scored in rows:
        questions.setdefault(example.id.rpartition("-")[0], []).append(scored.correct)
    assert metrics["em"] == pytest.approx(np.mean([all(answers) for answers in questions.values()]))
    assert metrics["accuracy"] == pytest.approx(np.mean([scored.correct for _, scored in rows]))


def test_rows_of_ones_own_belong_to_a_question_by_their_texts() -> None:
    task = get_task("multirc")
    fields = [{"paragraph": "p", "question": q, "answer": a} for q, a in (("x", "1"), ("x", "2"), ("y", "3"))]
    rows = [Example(str(n), texts, "yes") for n, texts in enumerate(fields)]
    scored = [(row, task.score(row, text)) for row, text in zip(rows, ["yes", "no", "yes"], strict=True)]
    assert task.metrics(scored)["em"] == 0.5


def ax_g_rows(seed: int, pairs: int = 30) -> Rows:
    draw, task = random.Random(seed), get_task("ax-g")
    rows = []
    for number in range(2 * pairs):
        example = Example(f"test-pair{number // 2}-{number}", {}, draw.choice(["no", "yes"]))
        rows.append((example, task.score(example, draw.choice(["no", "yes", "?"]))))
    return rows


def test_gender_parity_is_the_share_of_pairs_with_one_answer() -> None:
    task = get_task("ax-g")
    golds = ["yes", "yes", "no", "no", "no", "no", "yes"]
    given = ["yes", "yes", "yes", "no", "?", "?", "yes"]
    rows = [Example(f"test-pair{n // 2}-{n}", {}, gold) for n, gold in enumerate(golds)]
    scored = [(row, task.score(row, text)) for row, text in zip(rows, given, strict=True)]
    # The third pair has no answer at all, and of the last only one row is there.
    assert task.metrics(scored) == {"accuracy": pytest.approx(4 / 7), "gender_parity": pytest.approx(1 / 3)}


def squad_rows(seed: int) -> Rows:
    draw, task = random.Random(seed), get_task("record")
    rows = []
    for number in range(50):
        example = Example(f"validation-{number}", {}, draw.choice(["Ann", "Bo Smith\nBo", "the town"]))
        rows.append((example, task.score(example, draw.choice(["Ann", "Bo", "town", "Smith", ""]))))
    return rows


@pytest.mark.parametrize(("name", "make"), [("multirc", multirc_rows), ("ax-g", ax_g_rows), ("record", squad_rows)])
def test_resampling_draws_what_belongs_together(name: str, make) -> None:
    task: DatasetTask = get_task(name)
    rows = make(1)
    quick, _ = resampled_metrics(task, rows)
    units = count_units(task, rows)
    itself = quick(np.arange(units)[None])
    assert {key: pytest.approx(value[0]) for key, value in itself.items()} == task.metrics(rows)
    # A resample equals the metrics of the drawn units written out, each under an id of its own.
    index = np.random.default_rng(0).integers(0, units, units)
    groups: list[Rows] = []
    last = None
    for example, scored in rows:
        key = example.id.rpartition("-")[0] if name != "record" else example.id
        if key != last:
            groups.append([])
        last = key
        groups[-1].append((example, scored))
    written_out = [
        (Example(f"v-{place}-{place}-{n}" if name == "multirc" else f"v{place}-{n}", {}, example.gold), scored)
        for place, unit in enumerate(index.tolist())
        for n, (example, scored) in enumerate(groups[unit])
    ]
    drawn = quick(index[None])
    assert {key: pytest.approx(value[0]) for key, value in drawn.items()} == task.metrics(written_out)


def test_intervals_and_comparisons_of_units() -> None:
    task = get_task("multirc")
    rows = multirc_rows(1)
    intervals = bootstrap_intervals(task, [rows], seed=1)
    for name, value in task.metrics(rows).items():
        low, high = intervals[name]
        assert low < value < high
    better = [(example, task.score(example, example.gold or "")) for example, _ in rows]
    paired = compare_paired(task, rows, better, seed=1)
    assert paired.metric == "f1a"
    assert paired.real
    assert paired.score_b == 1.0


OFFICIAL = [
    ("boolq", "BoolQ.jsonl", ["yes", "no", "?"], ["true", "false", "true"]),
    ("cb", "CB.jsonl", ["neutral", "entailment", "?"], ["neutral", "entailment", "contradiction"]),
    ("copa", "COPA.jsonl", ["1", "2", "?"], [0, 1, 0]),
    ("superglue-rte", "RTE.jsonl", ["yes", "no", "?"], ["entailment", "not_entailment", "not_entailment"]),
    ("wic", "WiC.jsonl", ["yes", "no", "?"], ["true", "false", "false"]),
    ("wsc", "WSC.jsonl", ["yes", "no", "?"], ["True", "False", "False"]),
    ("ax-b", "AX-b.jsonl", ["yes", "no", "?"], ["entailment", "not_entailment", "not_entailment"]),
    ("record", "ReCoRD.jsonl", ["Ann", "Bo Smith", ""], ["Ann", "Bo Smith", ""]),
]


@pytest.mark.parametrize(("name", "file_name", "given", "labels"), OFFICIAL)
def test_lines_to_hand_in(name: str, file_name: str, given: list[str], labels: list[str | int]) -> None:
    task = get_task(name)
    answers = [(Example(f"test-{n}", {}, None), task.extract(f"{text}</Judgement>")) for n, text in enumerate(given)]
    submission = task.submission(answers)
    assert submission.file_name == file_name
    lines = [json.loads(line) for line in submission.text().splitlines()]
    assert lines == [{"idx": n, "label": label} for n, label in enumerate(labels)]


def test_pairs_are_handed_in_by_their_own_number() -> None:
    task = get_task("ax-g")
    submission = task.submission([(Example("test-pair3-7", {}, None), task.extract("yes</Judgement>"))])
    assert json.loads(submission.text()) == {"idx": 7, "label": "entailment"}


def test_multirc_is_handed_in_by_passage() -> None:
    task = get_task("multirc")
    ids = ["test-0-0-0", "test-0-0-1", "test-0-1-2", "test-5-9-40"]
    given = ["yes</Judgement>", "no</Judgement>", "?", "yes</Judgement>"]
    submission = task.submission([(Example(i, {}, None), task.extract(g)) for i, g in zip(ids, given, strict=True)])
    first = [
        {"idx": 0, "answers": [{"idx": 0, "label": 1}, {"idx": 1, "label": 0}]},
        {"idx": 1, "answers": [{"idx": 2, "label": 0}]},
    ]
    second = [{"idx": 9, "answers": [{"idx": 40, "label": 1}]}]
    assert [json.loads(line) for line in submission.text().splitlines()] == [
        {"idx": 0, "passage": {"questions": first}},
        {"idx": 5, "passage": {"questions": second}},
    ]


GLUE = [
    ("mnli", "MNLI-m.tsv", "neutral", "neutral"),
    ("mnli-mm", "MNLI-mm.tsv", "contradiction", "contradiction"),
    ("ax", "AX.tsv", "entailment", "entailment"),
    ("qqp", "QQP.tsv", "yes", "1"),
    ("mrpc", "MRPC.tsv", "no", "0"),
    ("qnli", "QNLI.tsv", "no", "not_entailment"),
    ("rte", "RTE.tsv", "yes", "entailment"),
    ("wnli", "WNLI.tsv", "yes", "1"),
]


@pytest.mark.parametrize(("name", "file_name", "answer", "written"), GLUE)
def test_tables_to_hand_in(name: str, file_name: str, answer: str, written: str) -> None:
    task = get_task(name)
    submission = task.submission([(Example("test-4", {}, None), task.extract(f"{answer}</Judgement>"))])
    assert submission.file_name == file_name
    assert submission.text() == f"index\tprediction\n4\t{written}\n"


def test_pairs_without_a_number_are_known_by_their_texts() -> None:
    """The hub's rows of AX-g name no pair."""
    task = get_task("ax-g")
    left = [f"The waiter left because {word} was tired." for word in ("he", "she")]
    rows = [
        Example(f"test-{number}", {"premise": premise, "hypothesis": hypothesis}, "yes")
        for number, (premise, hypothesis) in enumerate(
            (p, h) for p in left for h in ("He was tired.", "The end is near.")
        )
    ]
    given = ["yes", "no", "no", "no"]
    scored = [(row, task.score(row, f"{text}</Judgement>")) for row, text in zip(rows, given, strict=True)]
    assert task.metrics(scored)["gender_parity"] == 0.5
