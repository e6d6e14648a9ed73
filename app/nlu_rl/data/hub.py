"""Data sets from the hub by name: the one place that uses the `datasets` library.

Whether the hub answers is asked once with a short timeout before anything else, because the library's own retries take
minutes where there is no network.
"""

import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from nlu_rl import paths
from nlu_rl.data import wikitext
from nlu_rl.data.checks import Refusal, Row, SplitRows, make_row
from nlu_rl.data.hub_shapes import SHAPES, Shape, plain, whole_id
from nlu_rl.data.row_schema import ALL_CONFIGS, HubSource
from nlu_rl.data.schema import Schema
from nlu_rl.errors import DataError

CONNECT_SECONDS = 5.0
MOST_TEXT = 300


def load_from_hub(schema: Schema) -> list[SplitRows]:
    """Return the splits of a data set from the hub.

    Raises:
        DataError: not on the hub, offline by HF_HUB_OFFLINE, no network, or the hub refuses; says how to import a copy
            instead.
    """
    if schema.hub is None:
        raise DataError(f"'{schema.name}' is not on the hub.", schema.bring)
    os.environ.setdefault("HF_HOME", str(paths.hf_dir()))
    if os.environ.get("HF_HUB_OFFLINE", "").casefold() in ("1", "true", "yes", "on"):
        raise _unreachable(schema, "HF_HUB_OFFLINE is set")
    revision = _revision(schema)
    source = f"{schema.hub.repository} on the hub, revision {revision}"
    if schema.hub.archive:
        return [_from_archive(schema, schema.hub, *schema.hub.archive, revision, source)]
    try:
        tables = _tables(schema.hub, revision)
    except Exception as error:  # noqa: BLE001  the library raises whatever its transports raise
        raise _unreachable(schema, _short(error)) from None
    parts = []
    for split, theirs in schema.hub.splits.items():
        rows = [row for table in tables if theirs in table for row in table[theirs]]
        if rows:
            parts.append(split_rows(schema, split, rows, source))
    if not parts:
        raise _unreachable(schema, f"it has none of the splits {', '.join(schema.hub.splits.values())}")
    return parts


def split_rows(schema: Schema, split: str, rows: Any, source: str) -> SplitRows:
    """Return the hub's rows (mappings) as ours; a label of -1 is no label, and stands only in a test split.

    Raises:
        DataError: not one row can be used.
    """
    if schema.name == wikitext.NAME:
        return SplitRows(schema, split, source, wikitext.article_rows(wikitext.lines_of_hub(rows), split))
    shape: Shape = SHAPES.get(schema.name, plain)
    kept: list[Row] = []
    refused: list[Refusal] = []
    for number, row in enumerate(rows):
        try:
            row_id, texts, label = shape(schema, row, number)
            if label is None and split != "test":
                label = ""
            kept.append(make_row(schema, whole_id(schema, split, row_id), texts, label))
        except KeyError as error:
            refused.append(Refusal(number + 1, f"no {error.args[0]!r} in it", unit="row"))
        except (ValueError, TypeError, AttributeError) as error:
            refused.append(Refusal(number + 1, str(error), unit="row"))
    if refused and not kept:
        raise DataError(
            f"None of the {len(refused)} rows of '{schema.name}' {split} can be used; {refused[0]}.", _instead(schema)
        )
    return SplitRows(schema, split, source, kept, refused)


def _tables(hub: HubSource, revision: str) -> list[Any]:
    """Return the splits by name of every configuration asked for."""
    import datasets

    datasets.disable_progress_bars()
    configs = [hub.config]
    if hub.config == ALL_CONFIGS:
        configs = list(datasets.get_dataset_config_names(hub.repository, revision=revision))
    folder = str(paths.hf_dir() / "datasets")
    return [datasets.load_dataset(hub.repository, name, revision=revision, cache_dir=folder) for name in configs]


def _from_archive(schema: Schema, hub: HubSource, archive: str, member: str, revision: str, source: str) -> SplitRows:
    """Return the one split of a data set that the hub has as its official file, in a zip."""
    from huggingface_hub import hf_hub_download

    from nlu_rl.data.transfer import read_set

    (split,) = hub.splits
    try:
        path = hf_hub_download(hub.repository, archive, repo_type="dataset", revision=revision)
        with zipfile.ZipFile(path) as opened, tempfile.TemporaryDirectory() as folder:
            part = read_set(schema.task, Path(opened.extract(member, folder)), split)
    except DataError:
        raise
    except Exception as error:  # noqa: BLE001  the library raises whatever its transports raise
        raise _unreachable(schema, _short(error)) from None
    part.source = source
    return part


def _revision(schema: Schema) -> str:
    """Return the commit the repository is at, within a few seconds or not at all."""
    from huggingface_hub import HfApi

    repository = schema.hub.repository if schema.hub else ""
    try:
        return str(HfApi().dataset_info(repository, timeout=CONNECT_SECONDS).sha)
    except Exception as error:  # noqa: BLE001  the library raises whatever its transport raises
        raise _unreachable(schema, _short(error)) from None


def _short(error: Exception) -> str:
    """Return the first sentence of what went wrong; the libraries go on with advice for their own users."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    if isinstance(error, GatedRepoError):
        return "its terms must be accepted on the hub first, and HF_TOKEN set"
    if isinstance(error, RepositoryNotFoundError):
        return "there is no such data set on it, or you may not see it"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else type(error).__name__
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT].rsplit(' ', 1)[0]} ..."


def _unreachable(schema: Schema, why: str) -> DataError:
    return DataError(f"The hub did not give '{schema.name}': {why.rstrip('. ')}.", _instead(schema))


def _instead(schema: Schema) -> str:
    _, _, instead = schema.bring.partition(", or ")
    return f"Run {instead.rstrip('.')} instead." if instead else "Import a copy with 'nlu-rl data import'."
