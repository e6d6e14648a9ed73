"""Every folder of the official SuperGLUE download, with made-up rows in the official form."""

import json
from pathlib import Path
from typing import Any

import pytest

from nlu_rl.data.cache import read_rows
from nlu_rl.data.hub import split_rows
from nlu_rl.data.schema import get_schema
from nlu_rl.data.superglue import import_superglue
from nlu_rl.data.superglue_rows import mark_pronoun
from nlu_rl.errors import DataError

PLAIN: dict[str, tuple[str, dict[str, Any], dict[str, str], str]] = {
    # folder: the task's data set, a line, its fields, its gold
    "BoolQ": (
        "boolq",
        {"question": "is it", "passage": "It is.", "idx": 3, "label": True},
        {"passage": "It is.", "question": "is it"},
        "yes",
    ),
    "CB": (
        "cb",
        {"premise": "P.", "hypothesis": "H.", "label": "neutral", "idx": 3},
        {"premise": "P.", "hypothesis": "H."},
        "neutral",
    ),
    "COPA": (
        "copa",
        {"premise": "P.", "choice1": "A.", "choice2": "B.", "question": "cause", "label": 1, "idx": 3},
        {"premise": "P.", "choice1": "A.", "choice2": "B.", "question": "cause"},
        "2",
    ),
    "RTE": (
        "rte",
        {"premise": "P.", "hypothesis": "H.", "label": "not_entailment", "idx": 3},
        {"premise": "P.", "hypothesis": "H."},
        "no",
    ),
    "WiC": (
        "wic",
        {
            "word": "bank",
            "sentence1": "A bank.",
            "sentence2": "Banks.",
            "idx": 3,
            "label": False,
            "start1": 2,
            "start2": 0,
            "end1": 6,
            "end2": 5,
            "version": 1.1,
        },
        {"word": "bank", "sentence1": "A bank.", "sentence2": "Banks."},
        "no",
    ),
    "WSC": (
        "wsc",
        {
            "text": "Ann met Bo. She waved.",
            "target": {"span1_index": 0, "span1_text": "Ann", "span2_index": 3, "span2_text": "She"},
            "idx": 3,
            "label": True,
        },
        {"text": "Ann met Bo. *She* waved.", "noun": "Ann", "pronoun": "She"},
        "yes",
    ),
}


def write(path: Path, *lines: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text(text + "\n", encoding="utf-8")


@pytest.mark.parametrize("folder", PLAIN)
def test_a_line_is_a_row(tmp_path: Path, home: Path, folder: str) -> None:
    name, line, fields, gold = PLAIN[folder]
    write(tmp_path / folder / "val.jsonl", line)
    write(tmp_path / folder / "test.jsonl", {key: value for key, value in line.items() if key != "label"})
    import_superglue(tmp_path)
    assert read_rows(f"superglue/{name}", "validation") == [{"id": "validation-3", "fields": fields, "gold": gold}]
    assert read_rows(f"superglue/{name}", "test") == [{"id": "test-3", "fields": fields, "gold": None}]


MULTIRC = {
    "idx": 4,
    "version": 1.1,
    "passage": {
        "text": "Ann came.\nBo left.",
        "questions": [
            {
                "question": "Who?",
                "idx": 7,
                "answers": [{"text": "Ann", "idx": 20, "label": 1}, {"text": "", "idx": 21, "label": 0}],
            },
            {"question": "Left?", "idx": 8, "answers": [{"text": "Bo", "idx": 22, "label": 5}]},
        ],
    },
}


def test_multirc_is_counted_by_answer(tmp_path: Path, home: Path) -> None:
    write(tmp_path / "MultiRC" / "train.jsonl", MULTIRC)
    part = import_superglue(tmp_path).splits[0]
    assert read_rows("superglue/multirc", "train") == [
        {
            "id": "train-4-7-20",
            "fields": {"paragraph": "Ann came.\nBo left.", "question": "Who?", "answer": "Ann"},
            "gold": "yes",
        },
        {
            "id": "train-4-7-21",
            "fields": {"paragraph": "Ann came.\nBo left.", "question": "Who?", "answer": ""},
            "gold": "no",
        },
    ]
    assert [refusal.line for refusal in part.refused] == [1]


def record(**query: Any) -> dict[str, Any]:
    entities = [{"start": 0, "end": 2}, {"start": 9, "end": 16}, {"start": 0, "end": 2}]
    return {"source": "x", "passage": {"text": "Ann saw  Bo Smith.", "entities": entities}, "qas": [query], "idx": 1}


def test_record_is_counted_by_query(tmp_path: Path, home: Path) -> None:
    answers = [{"start": 0, "end": 2, "text": "Ann"}] * 2 + [{"start": 9, "end": 16, "text": "Bo Smith"}]
    write(tmp_path / "ReCoRD" / "val.jsonl", record(query="@placeholder saw.", idx=6, answers=answers))
    write(tmp_path / "ReCoRD" / "test.jsonl", record(query="@placeholder saw.", idx=9))
    import_superglue(tmp_path)
    fields = {"passage": "Ann saw  Bo Smith.", "entities": "Ann\nBo Smith", "query": "@placeholder saw."}
    assert read_rows("superglue/record", "validation") == [
        {"id": "validation-6", "fields": fields, "gold": "Ann\nBo Smith"}
    ]
    assert read_rows("superglue/record", "test") == [{"id": "test-9", "fields": fields, "gold": None}]


def test_the_diagnostic_sets(tmp_path: Path, home: Path) -> None:
    broad = {"idx": "0", "label": "not_entailment", "sentence1": "A.", "sentence2": "B.", "logic": "Negation"}
    write(tmp_path / "AX-b" / "AX-b.jsonl", broad)
    pair = {"premise": "P.", "hypothesis": "H.", "label": "entailment", "idx": 11, "pair_id": 5}
    write(tmp_path / "AX-g" / "AX-g.jsonl", pair, {**pair, "idx": 12})
    import_superglue(tmp_path)
    assert read_rows("superglue/ax-b", "test")[0] == {
        "id": "test-0",
        "fields": {"sentence1": "A.", "sentence2": "B."},
        "gold": "no",
    }
    assert [(row["id"], row["gold"]) for row in read_rows("superglue/ax-g", "test")] == [
        ("test-pair5-11", "yes"),
        ("test-pair5-12", "yes"),
    ]


def test_lines_that_cannot_be_used_are_refused_and_the_rest_is_taken(tmp_path: Path, home: Path) -> None:
    good = PLAIN["BoolQ"][1]
    lines = [
        "{",
        good,
        "[1]",
        {"question": "x"},
        {**good, "passage": 5},
        {**good, "label": "so so"},
        {**good, "idx": 4},
    ]
    write(tmp_path / "BoolQ" / "train.jsonl", *lines)
    part = import_superglue(tmp_path).splits[0]
    assert [row["id"] for row in part.rows] == ["train-3", "train-4"]
    assert [str(refusal) for refusal in part.refused] == [
        "line 1: not valid JSON",
        "line 3: not a JSON object",
        "line 4: no 'idx' in it",
        "line 5: '5' is not a text",
        "line 6: the label 'so so' is none of no, yes, false, true, 0, 1",
    ]
    with pytest.raises(DataError, match="5 rows are refused"):
        import_superglue(tmp_path, strict=True)


def test_one_task_by_name_or_by_folder(tmp_path: Path, home: Path) -> None:
    write(tmp_path / "CB" / "train.jsonl", PLAIN["CB"][1])
    write(tmp_path / "RTE" / "train.jsonl", PLAIN["RTE"][1])
    assert [part.schema.task for part in import_superglue(tmp_path, task="rte").splits] == ["superglue-rte"]
    assert [part.schema.task for part in import_superglue(tmp_path / "CB").splits] == ["cb"]
    with pytest.raises(DataError, match="Did you mean 'boolq'"):
        import_superglue(tmp_path, task="bolq")
    with pytest.raises(DataError, match="holds none of the SuperGLUE tasks"):
        import_superglue(tmp_path, task="wic")


@pytest.mark.parametrize(
    ("text", "word", "pronoun", "marked"),
    [
        ("He left.", 0, "He", "*He* left."),
        ('She said "he left".', 2, "he", 'She said "*he* left".'),
        ("safe to use it", 5, "it", "safe to use *it*"),
        ("it fits, and it shines; its lid", 5, "it", "it fits, and *it* shines; its lid"),
        ("here's his hat", 0, "he", "here's his hat"),
        ("a b c", 1, "c", "a b *c*"),
        ("one two", 0, "three", "one two"),
    ],
)
def test_the_pronoun_is_marked_where_it_stands(text: str, word: int, pronoun: str, marked: str) -> None:
    assert mark_pronoun(text, word, pronoun) == marked


HUB = [
    ("boolq", PLAIN["BoolQ"][1] | {"label": 1}, "validation-3", "yes"),
    ("copa", PLAIN["COPA"][1], "validation-3", "2"),
    ("superglue-rte", PLAIN["RTE"][1] | {"label": 1}, "validation-3", "no"),
    (
        "multirc",
        {
            "paragraph": "P",
            "question": "Q",
            "answer": "A",
            "idx": {"paragraph": 1, "question": 2, "answer": 3},
            "label": 1,
        },
        "validation-1-2-3",
        "yes",
    ),
    (
        "record",
        {
            "passage": "Ann saw.",
            "query": "@placeholder saw.",
            "entities": ["Ann", "Ann"],
            "answers": ["Ann", "Ann"],
            "idx": {"passage": 0, "query": 8},
        },
        "validation-8",
        "Ann",
    ),
    (
        "wsc",
        {
            "text": "Ann met Bo. She waved.",
            "span1_index": 0,
            "span2_index": 3,
            "span1_text": "Ann",
            "span2_text": "She",
            "idx": 2,
            "label": 0,
        },
        "validation-2",
        "no",
    ),
    (
        "squad",
        {
            "id": "56be",
            "title": "T",
            "context": "ab",
            "question": "Q",
            "answers": {"text": ["a", "b", "a"], "answer_start": [0, 1, 0]},
        },
        "56be",
        "a\nb",
    ),
    ("amazon", {"id": "en_1", "text": "Good.", "label": 4, "label_text": "4"}, "validation-0", "5"),
    ("siga-nli", {"premise": "It rains.", "statement": "It is wet.", "label": 0}, "validation-0", "entailment"),
    ("babi-nli", {"premise": "P.", "hypothesis": "H.", "label": 1, "idx": 7}, "validation-0", "entailment"),
]


@pytest.mark.parametrize(("task", "row", "row_id", "gold"), HUB, ids=[entry[0] for entry in HUB])
def test_rows_of_the_hub(task: str, row: dict[str, Any], row_id: str, gold: str) -> None:
    part = split_rows(get_schema(task), "validation", [row], "hub")
    assert not part.refused
    assert [(made["id"], made["gold"]) for made in part.rows] == [(row_id, gold)]
    assert all(part.rows[0]["fields"].values())


def test_rows_of_the_hub_without_the_columns_are_refused() -> None:
    rows = [{"premise": "P.", "statement": "S.", "label": 2}, {"premise": "P.", "hypothesis": "S.", "label": 2}]
    part = split_rows(get_schema("siga-nli"), "test", rows, "hub")
    assert [str(refusal) for refusal in part.refused] == ["row 2: no 'statement' in it"]
    with pytest.raises(DataError, match="None of the 1 rows of 'siga-nli' test can be used; row 1"):
        split_rows(get_schema("siga-nli"), "test", rows[1:], "hub")


@pytest.mark.parametrize(
    ("offsets", "reason"),
    [
        ({"start1": 2, "end1": 99}, "from 2 to 99 of sentence1, which has 9 characters"),
        ({"start2": 5, "end2": 5}, "from 5 to 5 of sentence2"),
        ({"start1": -1}, "from -1 to 7 of sentence1"),
    ],
)
def test_a_word_that_stands_outside_its_sentence_is_refused(
    tmp_path: Path, home: Path, offsets: dict[str, int], reason: str
) -> None:
    right = {"word": "place", "sentence1": "A place .", "sentence2": "Place it.", "idx": 0, "label": True}
    right |= {"start1": 2, "end1": 7, "start2": 0, "end2": 5}
    wrong = {**right, "idx": 1, **offsets}
    (tmp_path / "WiC").mkdir()
    (tmp_path / "WiC" / "val.jsonl").write_text("".join(json.dumps(line) + "\n" for line in (right, wrong)))
    (part,) = import_superglue(tmp_path).splits
    assert [row["id"] for row in part.rows] == ["validation-0"]
    (refusal,) = part.refused
    assert refusal.line == 2
    assert reason in refusal.reason
    there = split_rows(get_schema("wic"), "validation", [{**right, "label": 1}, {**wrong, "label": 1}], "hub")
    assert [reason in each.reason for each in there.refused] == [True]


@pytest.mark.parametrize(
    ("folder", "change", "reason"),
    [
        ("COPA", {"question": "why"}, "the question 'why' is neither 'cause' nor 'effect'"),
        ("COPA", {"label": 2}, "the label '2' is neither 0 nor 1"),
        ("COPA", {"choice1": "The same.", "choice2": "The same. "}, "its two choices are the same"),
        ("WSC", {"target": {"span1_text": "A", "span2_text": "it", "span2_index": 99}}, "the pronoun is said to be"),
        ("WSC", {"target": {"span1_text": "A", "span2_text": "zyx", "span2_index": 0}}, "the pronoun 'zyx' is not in"),
        ("BoolQ", {}, "its id 'train-3' is that of an earlier row"),
        ("BoolQ", {"idx": None}, "no 'idx' in it"),
        ("BoolQ", {"idx": [1]}, "its idx '[1]' is no number"),
        ("BoolQ", {"idx": 9, "passage": None}, "'None' is not a text"),
    ],
)
def test_a_row_that_makes_no_sense_is_refused_with_the_reason(
    tmp_path: Path, home: Path, folder: str, change: dict[str, object], reason: str
) -> None:
    good = PLAIN[folder][1]
    write(tmp_path / folder / "train.jsonl", good, {**good, **change})
    part = import_superglue(tmp_path).splits[0]
    assert len(part.rows) == 1
    assert str(part.refused[0]).startswith(f"line 2: {reason}")


def test_a_query_without_its_gap_is_refused(tmp_path: Path, home: Path) -> None:
    passage = {"text": "Ann met Bob.", "entities": [{"start": 0, "end": 2}]}
    queries = [
        {"idx": n, "query": query, "answers": [{"text": "Ann"}]} for n, query in enumerate(["@placeholder", "He"])
    ]
    write(tmp_path / "ReCoRD" / "val.jsonl", {"idx": 0, "passage": passage, "qas": queries})
    part = import_superglue(tmp_path).splits[0]
    assert [row["id"] for row in part.rows] == ["validation-0"]
    assert str(part.refused[0]) == "line 1: the query 1 has no @placeholder"


def test_an_answer_that_is_no_entity_is_refused(tmp_path: Path, home: Path) -> None:
    passage = {"text": "Ann met Bob.", "entities": [{"start": 0, "end": 2}, {"start": 8, "end": 10}]}
    for index, answers in enumerate((["Cid"], ["Cid", "Bob"], [])):
        query = {"idx": index, "query": "@placeholder", "answers": [{"text": text} for text in answers]}
        folder = tmp_path / str(index) / "ReCoRD"
        write(folder / ("val.jsonl" if answers else "test.jsonl"), {"idx": 0, "passage": passage, "qas": [query]})
    with pytest.raises(DataError, match="the answer 'Cid' is none of the entities"):
        import_superglue(tmp_path / "0")
    assert [import_superglue(tmp_path / folder).splits[0].rows[0]["gold"] for folder in "12"] == ["Bob\nCid", None]


def test_an_entity_outside_the_passage_is_refused(tmp_path: Path, home: Path) -> None:
    def line(index: int, end: int) -> dict[str, Any]:
        passage = {"text": "Ann met Bob.", "entities": [{"start": 0, "end": end}]}
        queries = [{"idx": index, "query": "@placeholder", "answers": [{"text": "Ann"}]}]
        return {"idx": index, "passage": passage, "qas": queries}

    write(tmp_path / "ReCoRD" / "val.jsonl", line(0, 2), line(1, 999))
    part = import_superglue(tmp_path).splits[0]
    assert [row["id"] for row in part.rows] == ["validation-0"]
    assert str(part.refused[0]) == "line 2: an entity is said to stand from 0 to 999 of 12 characters"
