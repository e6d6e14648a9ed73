"""A user's own rows: every kind of file, columns by name, and errors that name the line."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from nlu_rl.data.checks import Refusal
from nlu_rl.data.files import parse_columns, read_examples, read_file, read_records, read_table
from nlu_rl.data.records import records_of
from nlu_rl.data.schema import get_schema
from nlu_rl.errors import DataError
from nlu_rl.tasks.registry import get_task

SST2, STSB, COLA = get_task("sst2"), get_task("stsb"), get_task("cola")


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def texts(path: Path, **options: object) -> list[tuple[str, str | None]]:
    return [(e.fields["sentence"], e.gold) for e in read_examples(SST2, path, True, **options)]  # type: ignore[arg-type]


GOOD = [("good, really", "positive"), ('a "bad" one', "negative")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'sentence,label\n"good, really",1\n"a ""bad"" one",0\n'),
        ("a.csv", '\ufeffText,Label\r\n"good, really",positive\r\n"a ""bad"" one",Negative\r\n'),
        ("a.csv", 'id;text;label\n1;good, really;1.0\n2;"a ""bad"" one";0.0\n'),
        ("a.csv", 'label\ttext\n1\tgood, really\n0\t"a ""bad"" one"\n'),
        ("a.csv", 'label,review\n1,"good, really"\n\n0,"a ""bad"" one"\n\n\n'),
        ("a.csv", 'sentence,label\r"good, really",1\r"a ""bad"" one",0\r'),
        ("a.tsv", 'sentence\tlabel\ngood, really\t1\na "bad" one\t0\n'),
        ("a.jsonl", '{"text": "good, really", "label": 1}\n{"text": "a \\"bad\\" one", "label": "negative"}\n\n'),
        ("a.json", '[{"text": "good, really", "label": 1},\n {"text": "a \\"bad\\" one", "label": 0}]\n'),
        ("a.csv.gz", gzip.compress(b'sentence,label\n"good, really",1\n"a ""bad"" one",0\n', mtime=0)),
        (
            "a.JSONL.GZ",
            gzip.compress(b'{"text": "good, really", "label": 1}\n{"text": "a \\"bad\\" one", "label": 0}', mtime=0),
        ),
        ("a.JSONL", '\ufeff{"sentence": "good, really", "label": 1.0}\n{"sentence": "a \\"bad\\" one", "label": 0}'),
    ],
)
def test_kinds_and_spellings(tmp_path: Path, name: str, content: str | bytes) -> None:
    path = write(tmp_path / name, content)
    assert texts(path) == GOOD
    assert len(read_records(SST2, path)) == 2


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_truth_values_are_labels_where_the_answers_say_so(tmp_path: Path, kind: str) -> None:
    import pyarrow
    import pyarrow.parquet

    texts = {"word": "way", "sentence1": "a way", "sentence2": "the way"}
    rows = [{**texts, "label": label, "number": 1.0} for label in (True, False, None)]
    path = tmp_path / f"a.{kind}"
    if kind == "parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    else:
        write(path, "".join(json.dumps(row) + "\n" for row in rows))
    found = read_file(get_schema("wic"), path)
    assert [row["gold"] for row in found.rows] == ["yes", "no"]
    assert found.refused == [Refusal(3, "the label is empty")]
    with pytest.raises(DataError, match="line 1: the label is not a text"):
        read_file(get_schema("stsb"), path)


def test_parquet(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table({"sentence": [text for text, _ in GOOD], "label": [1, 0]})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    assert texts(tmp_path / "a.parquet") == GOOD
    with pytest.raises(DataError, match="Cannot read"):
        read_examples(SST2, tmp_path / "none.parquet", True)
    with pytest.raises(DataError, match="is not a Parquet file"):
        read_examples(SST2, write(tmp_path / "b.parquet", "sentence,label"), True)


def test_two_texts_and_a_number(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "sentence1,sentence2,score,id\na,b,3.80,x\nc,d,5,y\n")
    assert [(e.id, dict(e.fields), e.gold) for e in read_examples(STSB, path, True)] == [
        ("x", {"sentence1": "a", "sentence2": "b"}, "3.8"),
        ("y", {"sentence1": "c", "sentence2": "d"}, "5.0"),
    ]


def test_line_breaks_inside_quotes_and_lone_carriage_returns_are_text(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'sentence,label\n"one\ntwo",1\nthree\rfour,0\nfive,9\n')
    part = read_file(SST2.schema, path)
    assert [row["fields"]["sentence"] for row in part.rows] == ["one\ntwo", "three four"]
    assert [str(refusal)[:7] for refusal in part.refused] == ["line 5:"]


def test_unlabelled_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "text\nfirst\nsecond\n")
    assert [(e.id, e.gold) for e in read_examples(SST2, path, False)] == [("0", None), ("1", None)]
    with pytest.raises(DataError, match="no column for 'label'"):
        read_examples(SST2, path, True)
    path = write(tmp_path / "b.csv", "text,label\nfirst,unsure\nsecond,1\n")
    assert [e.gold for e in read_examples(SST2, path, False)] == [None, "positive"]


def test_repeated_ids_are_told_apart(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "id,text\n7,a\n7,b\n")
    assert [e.id for e in read_examples(SST2, path, False)] == ["7", "7-line3"]


def test_columns_by_name(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "text,comment,stars\nwrong,right,1\n")
    columns = parse_columns("sentence=comment, label=stars", SST2.schema)
    assert texts(path, columns=columns) == [("right", "positive")]
    with pytest.raises(DataError, match=r"Unknown column 'coment'\. Did you mean 'comment'"):
        texts(path, columns={"sentence": "coment", "label": "stars"})
    with pytest.raises(DataError, match="Unknown field 'sentense'"):
        parse_columns("sentense=comment", SST2.schema)
    with pytest.raises(DataError, match="'label' does not name a column"):
        parse_columns("label", SST2.schema)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.csv",
            "sentence,label\nx,1\ny\nz,2\n,0\n",
            r"3 of 4 rows .*line 3: 1 column instead of 2; line 4: the label '2'",
        ),
        (
            "a.csv",
            'sentence,label\nx,1\n"never closes,0\nz,1\n',
            "1 of 3 rows .*line 3: a quotation mark opens on line 3 and does not close",
        ),
        (
            "a.csv",
            'sentence,label\n"x\ny",1\n"a,0\nb "" c,1\n"d"e,0\n',
            "2 of 4 rows .*line 4: a quotation mark opens on line 4 .*line 6: not valid CSV",
        ),
        ("a.csv", 'sentence,label\nx,1\n"a"b,0\nz,1\n', "1 of 3 rows .*line 3: not valid CSV"),
        ("a.csv", b"sentence,label\nx,1\n\xff\xfe,0\ny,1\n", "1 of 3 rows .*line 3: the line is not UTF-8 text"),
        ("a.csv", b"sent\xffence,label\nx,1\n", "first line .* is no header: the line is not UTF-8 text"),
        ("a.csv", "sentence,label\nx,1\n".encode("utf-16"), "is not UTF-8 text but UTF-16"),
        ("a.csv", '{"sentence":"x","label":"1"}\n', r"first line .* is no header: not valid CSV"),
        ("a.csv", "sentence,label\n", "has no rows"),
        ("a.csv", "", "has no rows"),
        ("a.csv", "words,label\nx,1\n", r"no column for 'sentence' \(it has: words, label\)"),
        ("a.csv", "sentence,sentence,label\nx,y,1\n", "two columns called 'sentence'"),
        ("a.tsv", "sentence\tlabel\nx\t1\t2\ny\t1\n", "line 2: 3 columns instead of 2"),
        ("a.tsv", b"sentence\tlabel\nx\xff\t1\ny\t1\n", "line 2: the line is not UTF-8"),
        (
            "a.jsonl",
            '{"sentence": "x", "label": 1}\n{"sentence": \n[1]\n',
            "line 2: not valid JSON; line 3: not a JSON",
        ),
        ("a.jsonl", '{"sentence": "x", "label": 1}\n{"sentence": "y"}\n', "line 2: the label is empty"),
        ("a.jsonl", '{"sentence": "x", "label": 1}\n{"sentence": ["y"], "label": 1}\n', "line 2: the sentence is not"),
        ("a.jsonl", '{"sentence": "x", "label": true}\n', "the label 'true' is none of negative, positive"),
        ("a.jsonl", "[" * 100000, "not valid JSON"),
        ("a.xls", "x", "kind of .* is not known by its name"),
    ],
)
def test_errors_name_the_line(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read_examples(SST2, write(tmp_path / name, content), True)
    assert caught.value.fix


def test_unreadable_files(tmp_path: Path) -> None:
    for name in ("none.csv", "none.tsv", "none.jsonl"):
        with pytest.raises(DataError, match="Cannot read"):
            read_examples(SST2, tmp_path / name, True)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match="Cannot read"):
        read_examples(SST2, tmp_path / "folder.csv", True)


def test_many_refused_rows_are_not_all_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", "".join(json.dumps({"sentence": "x", "label": n}) + "\n" for n in range(20)))
    with pytest.raises(DataError, match=r"18 of 20 rows .*; and 13 more"):
        read_examples(SST2, path, True)


def test_labels_of_cola_may_be_written_in_several_ways() -> None:
    labels = ["acceptable", "Not Acceptable", "1", "0", "1.0"]
    read = [COLA.schema.read_label(label) for label in labels]
    assert read == ["acceptable", "not acceptable", "acceptable", "not acceptable", "acceptable"]


@pytest.mark.parametrize(("label", "kept"), [("", True), ("-1", True), ("positive", True), ("maybe", False)])
def test_an_optional_label_is_right_or_absent(label: str, kept: bool, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(f"sentence,label\ngood film,positive\nfoo,{label}\n", encoding="utf-8")
    part = read_file(get_schema("sst2"), path, labels="optional")
    assert len(part.rows) == (2 if kept else 1)
    assert len(part.refused) == (0 if kept else 1)


@pytest.mark.parametrize("content", [b"sentence,label\n", gzip.compress(b"sentence,label\nx,1\n" * 99, mtime=0)[:-9]])
def test_what_is_no_whole_gzip_file(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match="not a whole gzip file"):
        read_examples(SST2, write(tmp_path / "a.csv.gz", content), True)


HUB: list[tuple[str, list[dict[str, Any]], tuple[str, str]]] = [
    (
        "multirc",
        [
            {
                "paragraph": "P",
                "question": "Q",
                "answer": "A",
                "label": 1,
                "idx": {"paragraph": 1, "question": 2, "answer": 3},
            }
        ],
        ("test-1-2-3", "yes"),
    ),
    (
        "record",
        [
            {
                "passage": "Ann saw.",
                "query": "@placeholder saw.",
                "entities": ["Ann"],
                "answers": ["Ann"],
                "idx": {"passage": 0, "query": 8},
            }
        ],
        ("test-8", "Ann"),
    ),
    (
        "wsc",
        [
            {
                "text": "Ann met Bo. She waved.",
                "span1_text": "Ann",
                "span2_text": "She",
                "span2_index": 3,
                "idx": 2,
                "label": 0,
            }
        ],
        ("test-2", "no"),
    ),
    (
        "squad",
        [
            {
                "id": "56be",
                "context": "ab",
                "question": "Q",
                "answers": {"text": ["a", "b", "a"], "answer_start": [0, 1, 0]},
            }
        ],
        ("56be", "a\nb"),
    ),
    (
        "copa",
        [{"premise": "P", "choice1": "A", "choice2": "B", "question": "cause", "idx": n, "label": n} for n in (0, 1)],
        ("0", "1"),
    ),
    ("siga-nli", [{"premise": "P", "statement": "S", "label": "Neutral"}], ("0", "neutral")),
]


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
@pytest.mark.parametrize(("task", "rows", "expected"), HUB, ids=[entry[0] for entry in HUB])
def test_a_file_copied_from_the_hub(
    tmp_path: Path, suffix: str, task: str, rows: list[dict[str, Any]], expected: tuple[str, str]
) -> None:
    import pyarrow
    import pyarrow.parquet

    path = tmp_path / f"rows.{suffix}"
    if suffix == "parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    part = read_file(get_schema(task), path)
    assert not part.refused
    assert (part.rows[0]["id"], part.rows[0]["gold"]) == expected


def test_choices_numbered_from_one_stay_as_they_are(tmp_path: Path) -> None:
    rows = "premise,choice1,choice2,question,label\nP,A,B,cause,1\nP,A,B,cause,2\n"
    part = read_file(get_schema("copa"), write(tmp_path / "a.csv", rows))
    assert [row["gold"] for row in part.rows] == ["1", "2"]


def test_a_damaged_row_of_the_hubs_shape_is_refused(tmp_path: Path) -> None:
    good = HUB[3][1][0]
    lines = [
        good,
        {**good, "id": "x", "context": 5},
        {"id": "y", "answers": {"text": ["a"]}},
        {**good, "answers": {"text": []}},
    ]
    part = read_file(get_schema("squad"), write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, lines))))
    assert [str(refusal) for refusal in part.refused] == [
        "line 2: not as the hub has it: 'int' object has no attribute 'split'",
        "line 3: no 'context' in it",
        "line 4: it has no answer",
    ]


@pytest.mark.parametrize(
    ("rows", "refused", "texts"),
    [
        ('"x\ny",1\n"open,0\n  z,1\nlast,0', [4], ["x\ny", "  z", "last"]),
        ('good,1\nbad,"negative\nfine,1\n"so ""so"" film",0\nlast,1', [3], ["good", "fine", 'so "so" film', "last"]),
        ('a,1\n"open,0\nb,1\n"two\nlines",0\nc,1', [3], ["a", "b", "two\nlines", "c"]),
        ('"open,0\n"open,0\nb,1\n"open,0\nc,1', [2, 3, 5], ["b", "c"]),
        ('"two\nlines with a bad" mark,1\nc,1', [2, 3], ["c"]),
    ],
)
def test_a_quote_that_does_not_close_costs_its_own_row_alone(
    rows: str, refused: list[int], texts: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"text,label\n{rows}\n", encoding="utf-8")
    found = list(records_of(path, "csv"))
    assert [number for number, record in found if isinstance(record, Refusal)] == refused
    assert [record["text"] for _, record in found if isinstance(record, dict)] == texts


def test_a_parquet_file_is_known_whatever_it_is_called(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    path = tmp_path / "rows.csv"
    pyarrow.parquet.write_table(pyarrow.table({"text": ["a"], "label": ["b"]}), path)
    with pytest.raises(DataError, match="is a Parquet file"):
        read_table(path)
