"""Data sets from the hub by name: the one place that uses the `datasets` library.

Whether the hub answers is asked once with a short timeout before anything else, because the library's own retries take
minutes where there is no network.
"""

import os
from typing import Any

from nlu_rl import paths
from nlu_rl.data import wikitext
from nlu_rl.data.checks import Refusal, Row, SplitRows, make_row
from nlu_rl.data.hub_shapes import SHAPES, Shape, plain
from nlu_rl.data.row_schema import HubSource
from nlu_rl.data.schema import Schema
from nlu_rl.errors import DataError

CONNECT_SECONDS = 5.0
ALL_CONFIGS = "*"
CONVERTED = "refs/convert/parquet"
"""Where the hub keeps its own Parquet copy of a data set that is published as a loading script."""


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
    import datasets

    datasets.disable_progress_bars()
    try:
        tables = [_load(schema.hub, config, revision) for config in _configs(schema.hub, revision)]
    except Exception as error:  # noqa: BLE001  the library raises whatever its transports raise
        raise _unreachable(schema, _short(error)) from None
    source = f"{schema.hub.repository} on the hub, revision {revision}"
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
        return SplitRows(schema, split, source, wikitext.article_rows((str(row["text"]) for row in rows), split))
    shape: Shape = SHAPES.get(schema.name, plain)
    kept: list[Row] = []
    refused: list[Refusal] = []
    for number, row in enumerate(rows):
        try:
            row_id, texts, label = shape(schema, row, number)
            if label is None and split != "test":
                label = ""
            kept.append(make_row(schema, f"{split}-{row_id}", texts, label))
        except KeyError as error:
            refused.append(Refusal(number + 1, f"no {error.args[0]!r} in it", unit="row"))
        except (ValueError, TypeError, AttributeError) as error:
            refused.append(Refusal(number + 1, str(error), unit="row"))
    if refused and not kept:
        raise DataError(
            f"None of the {len(refused)} rows of '{schema.name}' {split} can be used; {refused[0]}.", _instead(schema)
        )
    return SplitRows(schema, split, source, kept, refused)


def _configs(hub: HubSource, revision: str) -> list[str | None]:
    if hub.config != ALL_CONFIGS:
        return [hub.config]
    import datasets

    return list(datasets.get_dataset_config_names(hub.repository, revision=revision))


def _load(hub: HubSource, config: str | None, revision: str) -> Any:
    import datasets

    folder = str(paths.hf_dir() / "datasets")
    try:
        return datasets.load_dataset(hub.repository, config, revision=revision, cache_dir=folder)
    except RuntimeError as error:
        if "script" not in str(error):
            raise
        return datasets.load_dataset(hub.repository, config, revision=CONVERTED, cache_dir=folder)


def _revision(schema: Schema) -> str:
    """Return the commit the repository is at, within a few seconds or not at all."""
    from huggingface_hub import HfApi

    repository = schema.hub.repository if schema.hub else ""
    try:
        return str(HfApi().dataset_info(repository, timeout=CONNECT_SECONDS).sha)
    except Exception as error:  # noqa: BLE001  the library raises whatever its transport raises
        raise _unreachable(schema, _short(error)) from None


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _unreachable(schema: Schema, why: str) -> DataError:
    return DataError(f"The hub did not give '{schema.name}': {why.rstrip('.')}.", _instead(schema))


def _instead(schema: Schema) -> str:
    _, _, instead = schema.bring.partition(", or ")
    return f"Run {instead.rstrip('.')} instead." if instead else "Import a copy with 'nlu-rl data import'."
