"""WikiText goes into the cache whole: its rows one after the other are the file."""

from pathlib import Path

import pytest

from nlu_rl.data.cache import read_rows
from nlu_rl.data.hub import split_rows
from nlu_rl.data.schema import get_schema
from nlu_rl.data.wikitext import import_wikitext, read_text
from nlu_rl.errors import DataError

TEXT = " \n = One = \n \n Words . \n = = Part = = \n \n More \xa0 words . \n = Two = \n \n End . \n \n"


def test_rows_are_articles_and_together_the_file(home: Path, tmp_path: Path) -> None:
    (tmp_path / "wiki.test.raw").write_text(TEXT, encoding="utf-8")
    (part,) = import_wikitext(tmp_path / "wiki.test.raw").splits
    assert (part.split, len(part.rows), part.duplicates, part.labels) == ("test", 2, 0, {})
    assert read_rows("wikitext2", "test")[1]["fields"]["text"].startswith(" = Two = ")
    assert read_text() == TEXT


def test_folder_splits_and_the_hubs_rows(home: Path, tmp_path: Path) -> None:
    for name in ("wiki.train.raw", "wiki.valid.raw", "wiki.test.raw", "notes.md"):
        (tmp_path / name).write_text(TEXT, encoding="utf-8")
    result = import_wikitext(tmp_path)
    assert {part.split for part in result.splits} == {"train", "validation", "test"}
    assert any("notes.md" in entry for entry in result.skipped)
    theirs = [{"text": line if line.strip() else ""} for line in TEXT.splitlines(keepends=True)]
    assert split_rows(get_schema("wikitext2"), "test", theirs, "hub").rows == read_rows("wikitext2", "test")


def test_marks_and_line_ends_are_set_aside(home: Path, tmp_path: Path) -> None:
    (tmp_path / "test.txt").write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    import_wikitext(tmp_path / "test.txt")
    assert read_text() == TEXT


def test_parquet(home: Path, tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table({"text": [line if line.strip() else "" for line in TEXT.splitlines(keepends=True)]})
    pyarrow.parquet.write_table(table, tmp_path / "test-00000-of-00001.parquet")
    import_wikitext(tmp_path)
    assert read_text() == TEXT


def test_a_damaged_line_is_refused_and_named(home: Path, tmp_path: Path) -> None:
    (tmp_path / "wiki.test.raw").write_bytes(b"good\nb\xffd\ngood\n")
    (part,) = import_wikitext(tmp_path / "wiki.test.raw").splits
    assert [str(refusal) for refusal in part.refused] == ["line 2: the line is not UTF-8 text"]
    with pytest.raises(DataError, match="line 2"):
        import_wikitext(tmp_path / "wiki.test.raw", strict=True)
    with pytest.raises(DataError, match="not UTF-8 text: line 2"):
        read_text(data=tmp_path / "wiki.test.raw")


@pytest.mark.parametrize("content", [b"", b" \n\n"])
def test_an_empty_text_is_refused(home: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "wiki.test.raw").write_bytes(content)
    with pytest.raises(DataError, match="holds no text"):
        import_wikitext(tmp_path / "wiki.test.raw")


def test_a_folder_without_raw_texts(home: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"wiki\.test\.raw"):
        import_wikitext(tmp_path)
    with pytest.raises(DataError, match="Cannot read"):
        import_wikitext(tmp_path / "nothing.raw")


def test_a_formula_between_equals_signs_is_no_heading(home: Path, tmp_path: Path) -> None:
    formula = " = One = \n \n Words with\n = 1 rad / s and k = \n 1 more . \n"
    (tmp_path / "wiki.test.raw").write_text(formula, encoding="utf-8")
    assert len(import_wikitext(tmp_path / "wiki.test.raw").splits[0].rows) == 1
    assert read_text() == formula


def test_a_folder_of_many_things_gives_only_its_raw_texts(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    for name in ("emotion-test.txt", "wikitext2-test.raw"):
        (folder / name).write_text(TEXT, encoding="utf-8")
    result = import_wikitext(folder)
    assert [part.source for part in result.splits] == ["file wikitext2-test.raw"]
    assert result.skipped == ["emotion-test.txt: not one of the raw texts"]
