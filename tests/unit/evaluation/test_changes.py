"""Rows fixed and broken, and the table by label, by hand."""

from nlu_rl.evaluation.changes import by_label, changed_rows, changes_text
from nlu_rl.tasks.contract import Example
from nlu_rl.tasks.registry import get_task

SST2 = get_task("sst2")


def rows(*texts: str):
    golds = ["positive", "positive", "negative", "negative"]
    examples = [Example(f"r{n}", {"sentence": f"text {n}"}, gold) for n, gold in enumerate(golds)]
    return [(example, SST2.score(example, text)) for example, text in zip(examples, texts, strict=True)]


def test_changes_by_hand() -> None:
    a, b = rows("positive", "negative", "?", "negative"), rows("negative", "positive", "negative", "negative")
    fixed, broken = changed_rows(SST2, a, b)
    assert [row.id for row in fixed] == ["r1", "r2"]
    assert [(row.id, row.a, row.b) for row in broken] == [("r0", "positive", "negative")]
    assert fixed[1].a is None
    assert by_label(SST2, a, b) == [
        {"label": "negative", "n": 2, "right_a": 1, "right_b": 2, "fixed": 1, "broken": 0},
        {"label": "positive", "n": 2, "right_a": 1, "right_b": 1, "fixed": 1, "broken": 1},
    ]
    (line,) = changes_text(fixed, 1)
    assert "r1" in line
    assert "text 1" in line


def test_numbers_are_told_by_interval() -> None:
    task = get_task("stsb")
    examples = [Example(str(n), {"sentence1": "a", "sentence2": "b"}, gold) for n, gold in enumerate(["0.2", "4.9"])]
    one = [(example, task.score(example, "1.0")) for example in examples]
    other = [(example, task.score(example, "4.8")) for example in examples]
    table = by_label(task, one, other)
    assert [(entry["label"], entry["right_a"], entry["right_b"]) for entry in table] == [("0-1", 0, 0), ("4-5", 0, 1)]
