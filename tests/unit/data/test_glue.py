"""The official GLUE folder: what is read, what is refused, and that a bad folder changes nothing."""

from pathlib import Path

import pytest

from nlu_rl.data.cache import read_meta, read_rows
from nlu_rl.data.checks import Refusal, SplitRows
from nlu_rl.data.glue import import_glue
from nlu_rl.data.official import ImportResult
from nlu_rl.errors import DataError

STSB_HEADER = "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore"
STSB_ROW = "{}\tmain\tf\t2012\t1\tnone\tnone\t{}\t{}\t{}"


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def sst2(folder: Path, *rows: str, file: str = "train.tsv", header: str = "sentence\tlabel", end: str = "\n") -> Path:
    return write(folder / "SST-2" / file, end.join([header, *rows, ""]))


def part(result: ImportResult, task: str, split: str) -> SplitRows:
    return next(part for part in result.splits if (part.schema.task, part.split) == (task, split))


def test_a_whole_folder(tmp_path: Path, home: Path) -> None:
    tmp_path = tmp_path / "glue"
    sst2(tmp_path, "a good one \t1", "a bad one\t0")
    sst2(tmp_path, "fine\t1", "A good one!\t1", file="dev.tsv")
    sst2(tmp_path, "0\tunknown", "7\tseven", file="test.tsv", header="index\tsentence")
    write(tmp_path / "CoLA" / "train.tsv", "gj04\t1\t\tIt is.\ngj04\t0\t*\tIs it are.")
    write(tmp_path / "CoLA" / "test.tsv", "index\tsentence\n0\tWho?\n")
    write(tmp_path / "STS-B" / "dev.tsv", f"{STSB_HEADER}\n" + STSB_ROW.format(0, "A.", "B.", "4.750") + "\n")
    (tmp_path / "mine").mkdir()
    result = import_glue(tmp_path)

    assert result.skipped == ["mine: not a GLUE task"]
    assert read_rows("glue/sst2", "train") == [
        {"id": "train-0", "fields": {"sentence": "a good one"}, "gold": "positive"},
        {"id": "train-1", "fields": {"sentence": "a bad one"}, "gold": "negative"},
    ]
    assert [row["id"] for row in read_rows("glue/sst2", "test")] == ["test-0", "test-7"]
    assert read_rows("glue/sst2", "test")[0]["gold"] is None
    assert [row["gold"] for row in read_rows("glue/cola", "train")] == ["acceptable", "not acceptable"]
    assert read_rows("glue/cola", "test") == [{"id": "test-0", "fields": {"sentence": "Who?"}, "gold": None}]
    assert read_rows("glue/stsb", "validation") == [
        {"id": "validation-0", "fields": {"sentence1": "A.", "sentence2": "B."}, "gold": "4.75"}
    ]
    assert part(result, "stsb", "validation").labels == {"0-1": 0, "1-2": 0, "2-3": 0, "3-4": 0, "4-5": 1}
    assert part(result, "sst2", "test").labels == {}


def test_quotes_carriage_returns_and_byte_order_mark_are_text_or_nothing(tmp_path: Path, home: Path) -> None:
    texts = [
        '"a quote that never closes',
        'he said ""so""',
        "two\rlines",
        "line\u2028separator\u0085and\x0bmore\x1c",
        "'",
    ]
    rows = "".join(f"{text}\t1\n" for text in texts)
    write(tmp_path / "SST-2" / "train.tsv", b"\xef\xbb\xbf" + f"sentence\tlabel\n{rows}".encode())
    assert not import_glue(tmp_path).splits[0].refused
    assert [row["fields"]["sentence"] for row in read_rows("glue/sst2", "train")] == [text.strip() for text in texts]


def test_a_byte_order_mark_before_a_file_without_header(tmp_path: Path, home: Path) -> None:
    write(tmp_path / "CoLA" / "dev.tsv", b"\xef\xbb\xbf" + b"gj04\t1\t\tIt is.\n")
    assert len(import_glue(tmp_path).splits[0].rows) == 1


def test_windows_line_ends(tmp_path: Path, home: Path) -> None:
    sst2(tmp_path, "good\t1", "bad\t0", end="\r\n")
    assert [row["gold"] for row in import_glue(tmp_path).splits[0].rows] == ["positive", "negative"]


def test_rows_that_cannot_be_used_are_refused_with_line_and_reason(tmp_path: Path, home: Path) -> None:
    bad = b"\xff\xfe broken\t1"
    content = b"\n".join(
        [
            b"sentence\tlabel",
            b"good\t1",
            b"no label",
            b"a\tb\t1",
            b"x\t2",
            b"  \t1",
            b"",
            bad,
            b"y\t",
            b"z\t0",
            b"",
            b"",
        ]
    )
    write(tmp_path / "SST-2" / "train.tsv", content)
    train = import_glue(tmp_path).splits[0]
    assert [row["id"] for row in train.rows] == ["train-0", "train-8"]
    assert train.refused == [
        Refusal(3, "1 column instead of 2"),
        Refusal(4, "3 columns instead of 2"),
        Refusal(5, "the label '2' is none of negative, positive, 0, 1"),
        Refusal(6, "the sentence is empty"),
        Refusal(7, "1 column instead of 2 (a blank line)"),
        Refusal(8, "the line is not UTF-8 text"),
        Refusal(9, "the label is empty"),
    ]
    assert read_meta("glue/sst2")["splits"]["train"]["refused"] == 7  # type: ignore[index]


@pytest.mark.parametrize("score", ["5.001", "-0.1", "nan", "inf", "high", ""])
def test_a_score_outside_the_scale_is_refused(tmp_path: Path, home: Path, score: str) -> None:
    lines = [STSB_HEADER, STSB_ROW.format(0, "A", "B", score), STSB_ROW.format(1, "A", "B", "5.0")]
    write(tmp_path / "STS-B" / "train.tsv", "\n".join(lines))
    train = import_glue(tmp_path).splits[0]
    assert len(train.rows) == 1
    assert train.refused[0].line == 2


def test_strict_imports_nothing_when_a_row_is_refused(tmp_path: Path, home: Path) -> None:
    sst2(tmp_path, "good\t1", "odd\t3")
    with pytest.raises(DataError, match=r"1 rows? .*line 3: the label '3'"):
        import_glue(tmp_path, strict=True)
    assert read_meta("glue/sst2") is None


UNUSABLE = {
    "an empty file": (b"", "is empty"),
    "only a header": (b"sentence\tlabel\n", "has no usable row"),
    "no header": (b"good\t1\nbad\t0\n", "no column sentence"),
    "all rows refused": (b"sentence\tlabel\nx\t9\n", "All 1 rows were refused"),
    "not text": ("sentence\tlabel\ngood\t1\n".encode("utf-16"), "is empty or not text"),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_an_unusable_split_is_an_error_and_changes_nothing(tmp_path: Path, home: Path, kind: str) -> None:
    sst2(tmp_path, "good\t1")
    write(tmp_path / "CoLA" / "train.tsv", "gj04\t1\t\tIt is.\n")
    import_glue(tmp_path)
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    sst2(tmp_path, "another\t1")
    write(tmp_path / "CoLA" / "train.tsv", "gj04\t0\t\tIt are.\n")
    content, reason = UNUSABLE[kind]
    write(tmp_path / "SST-2" / "dev.tsv", content)
    with pytest.raises(DataError, match=reason) as caught:
        import_glue(tmp_path)
    assert "dev.tsv" in caught.value.message
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before


def test_a_split_that_is_a_folder_is_an_error(tmp_path: Path, home: Path) -> None:
    (tmp_path / "SST-2" / "train.tsv").mkdir(parents=True)
    with pytest.raises(DataError, match=r"Cannot read .*train\.tsv"):
        import_glue(tmp_path)


def test_an_empty_file_without_header_is_an_error(tmp_path: Path, home: Path) -> None:
    write(tmp_path / "CoLA" / "dev.tsv", "")
    with pytest.raises(DataError, match="empty"):
        import_glue(tmp_path)


def test_folders_with_nothing_to_import(tmp_path: Path, home: Path) -> None:
    (tmp_path / "RTE").mkdir()
    (tmp_path / "SST-2").mkdir()
    with pytest.raises(DataError, match=r"RTE: no train\.tsv.*SST-2: no train\.tsv"):
        import_glue(tmp_path)
    with pytest.raises(DataError, match="is not a folder"):
        import_glue(tmp_path / "nowhere")
    with pytest.raises(DataError, match="Did you mean 'cola'"):
        import_glue(tmp_path, task="colla")


def test_one_task_alone_by_its_folder_or_by_name(tmp_path: Path, home: Path) -> None:
    sst2(tmp_path, "good\t1")
    write(tmp_path / "CoLA" / "train.tsv", "gj04\t1\t\tIt is.\n")
    assert [part.schema.task for part in import_glue(tmp_path / "SST-2").splits] == ["sst2"]
    assert [part.schema.task for part in import_glue(tmp_path, task="cola").splits] == ["cola"]


def test_another_import_keeps_what_it_does_not_bring(tmp_path: Path, home: Path) -> None:
    sst2(tmp_path, "first\t1")
    import_glue(tmp_path)
    (tmp_path / "SST-2" / "train.tsv").unlink()
    sst2(tmp_path, "second\t0", file="dev.tsv")
    import_glue(tmp_path)
    assert read_rows("glue/sst2", "train")[0]["fields"] == {"sentence": "first"}
    assert read_rows("glue/sst2", "validation")[0]["fields"] == {"sentence": "second"}
