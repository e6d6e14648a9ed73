"""The demo's rows: sentences from movie reviews with the mean of about 20 human ratings, -4 to 4.

The label is the sign of the mean. Means nearer to 0 than `DROPPED_BAND` are dropped: there the raters themselves do not
agree which side a sentence is on. A row's split follows from a hash of its text with case, punctuation and spacing set
aside, so it never changes, and a text and its copies cannot lie in two splits; of copies only the first is kept.
"""

import hashlib
import html
import io
import math
import tarfile
from pathlib import Path

from nlu_rl.data.checks import Refusal, Row, SplitRows, make_row, text_key
from nlu_rl.data.schema import SPLITS, Schema, get_schema
from nlu_rl.errors import DataError

PACKAGE = "vaderSentiment"
FILE_NAME = "vaderSentiment-3.3.2.tar.gz"
SHA256 = "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
INNER_ARCHIVE = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
RATINGS = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"
MAX_MEMBER_BYTES = 64 * 2**20

DROPPED_BAND = 1.0
"""Rows whose mean rating is between minus this and plus this, both excluded, are dropped."""
HELD_OUT_PERCENT = 10
"""Share of the texts in the test split, and as much again in validation."""


def read_package(archive: Path) -> list[SplitRows]:
    """Return the three splits from the package's source archive, unpacked in memory.

    Raises:
        DataError: the archive is damaged or does not hold the ratings.
    """
    try:
        inner = _member(archive.read_bytes(), INNER_ARCHIVE)
        ratings = _member(inner, RATINGS)
    except (tarfile.TarError, OSError, EOFError, KeyError) as error:
        raise DataError(
            f"{archive} does not hold the movie-review ratings: {error}.",
            "Delete it and run 'nlu-rl data fetch movie-snippets' again.",
        ) from None
    return split_ratings(ratings)


def split_ratings(content: bytes) -> list[SplitRows]:
    """Return the three splits from the ratings file: id, mean rating and text, tab-separated."""
    schema = get_schema("movie-snippets")
    rows: dict[str, list[Row]] = {split: [] for split in SPLITS}
    refused: list[Refusal] = []
    dropped = {f"mean rating within {DROPPED_BAND:g} of 0": 0, "copy of an earlier text": 0}
    seen: set[str] = set()
    for number, line in enumerate(content.rstrip().split(b"\n"), start=1):
        try:
            mean, row = _row(schema, line)
        except ValueError as error:
            refused.append(Refusal(number, str(error)))
            continue
        key = text_key(row["fields"])
        if abs(mean) < DROPPED_BAND:
            dropped[f"mean rating within {DROPPED_BAND:g} of 0"] += 1
        elif key in seen:
            dropped["copy of an earlier text"] += 1
        else:
            seen.add(key)
            rows[_split(key)].append(row)
    source = f"{FILE_NAME}, {Path(RATINGS).name}"
    # What was left out belongs to no split; it is told once, with the first.
    told = {SPLITS[0]: (refused, dropped)}
    return [SplitRows(schema, split, source, rows[split], *told.get(split, ([], {}))) for split in SPLITS]


def _row(schema: Schema, line: bytes) -> tuple[float, Row]:
    try:
        columns = line.decode().removesuffix("\r").split("\t")
    except UnicodeDecodeError:
        raise ValueError("the line is not UTF-8 text") from None
    if len(columns) != 3:
        raise ValueError(f"{len(columns)} columns instead of 3")
    row_id, rating, text = columns
    try:
        mean = float(rating)
    except ValueError:
        raise ValueError(f"the mean rating {rating[:40]!r} is not a number") from None
    if not math.isfinite(mean):
        raise ValueError(f"the mean rating {rating[:40]!r} is not a number")
    label = "positive" if mean > 0 else "negative"
    return mean, make_row(schema, row_id, {"text": " ".join(html.unescape(text).split())}, label)


def _split(key: str) -> str:
    percent = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) % 100
    if percent < HELD_OUT_PERCENT:
        return "test"
    return "validation" if percent < 2 * HELD_OUT_PERCENT else "train"


def _member(archive: bytes, name: str) -> bytes:
    """Return one plain file of a tar archive; nothing is written to disk."""
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        member = tar.getmember(name)
        if not member.isfile() or member.size > MAX_MEMBER_BYTES:
            raise KeyError(f"{name} is not a plain file of sensible size")
        file = tar.extractfile(member)
        if file is None:
            raise KeyError(name)
        return file.read()
