"""GLUE from the hub by name: the one place that uses the `datasets` library.

Whether the hub answers is asked once with a short timeout before anything else, because the library's own retries take
minutes where there is no network.
"""

import os
from typing import Any

from nlu_rl import paths
from nlu_rl.data.checks import Refusal, Row, SplitRows, make_row
from nlu_rl.data.schema import SPLITS, Schema
from nlu_rl.errors import DataError

REPOSITORY = "nyu-mll/glue"
CONNECT_SECONDS = 5.0


def load_glue(schema: Schema) -> list[SplitRows]:
    """Return the three splits of a GLUE task from the hub.

    Raises:
        DataError: offline by HF_HUB_OFFLINE, no network, or the hub refuses; says how to import the folder instead.
    """
    os.environ.setdefault("HF_HOME", str(paths.hf_dir()))
    if os.environ.get("HF_HUB_OFFLINE", "").casefold() in ("1", "true", "yes", "on"):
        raise _unreachable(schema, "HF_HUB_OFFLINE is set")
    revision = _revision(schema)
    import datasets

    datasets.disable_progress_bars()
    try:
        loaded = datasets.load_dataset(
            REPOSITORY, schema.task, revision=revision, cache_dir=str(paths.hf_dir() / "datasets")
        )
    except Exception as error:  # noqa: BLE001  the library raises whatever its transports raise
        raise _unreachable(schema, " ".join(str(error).split())[:200]) from None
    source = f"{REPOSITORY} on the hub, revision {revision}"
    return [split_rows(schema, split, loaded[split], source) for split in SPLITS]


def split_rows(schema: Schema, split: str, rows: Any, source: str) -> SplitRows:
    """Return the hub's rows (mappings with the fields, `label` and `idx`) as ours; a label of -1 is no label."""
    kept: list[Row] = []
    refused: list[Refusal] = []
    for number, row in enumerate(rows):
        label = None if split == "test" or row["label"] == -1 else str(row["label"])
        try:
            kept.append(make_row(schema, f"{split}-{row.get('idx', number)}", row, label))
        except ValueError as error:
            refused.append(Refusal(number + 1, str(error)))
    return SplitRows(schema, split, source, kept, refused)


def _revision(schema: Schema) -> str:
    """Return the commit the repository is at, within a few seconds or not at all."""
    from huggingface_hub import HfApi

    try:
        return str(HfApi().dataset_info(REPOSITORY, timeout=CONNECT_SECONDS).sha)
    except Exception as error:  # noqa: BLE001  the library raises whatever its transport raises
        raise _unreachable(schema, " ".join(str(error).split())[:200] or type(error).__name__) from None


def _unreachable(schema: Schema, why: str) -> DataError:
    return DataError(
        f"The hub did not give '{schema.name}': {why.rstrip('.')}.",
        "Run 'nlu-rl data import glue DIR' with the official GLUE folder instead.",
    )
