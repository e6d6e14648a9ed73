"""A data set as the hub has it: Parquet per configuration and split, and a card that states features and counts."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from datasets import ClassLabel, Features, Value

from hub_server.repository import Repository

Rows = Sequence[Mapping[str, Any]]
Configs = Mapping[str, tuple[Features, Mapping[str, Rows]]]
"""By configuration: the features, and the rows by split."""


def text_features(*columns: str, **others: Any) -> Features:
    """Return features of texts, and of others in the order they are given."""
    return Features({**{column: Value("string") for column in columns}, **others})


def classes(*names: str) -> ClassLabel:
    return ClassLabel(names=list(names))


def dataset_repository(name: str, configs: Configs, folder: str = "{config}") -> Repository:
    """Return the repository of a data set; `folder` is where the files of a configuration lie."""
    files: dict[str, bytes] = {}
    infos, entries = [], []
    for config, (features, splits) in configs.items():
        place = folder.format(config=config)
        for split, rows in splits.items():
            files[f"{place}/{split}-00000-of-00001.parquet"] = parquet(features, rows)
        counts = [{"name": split, "num_bytes": 1, "num_examples": len(rows)} for split, rows in splits.items()]
        infos.append({"config_name": config, "features": features._to_yaml_list(), "splits": counts})
        paths = [{"split": split, "path": f"{place}/{split}-*"} for split in splits]
        entries.append({"config_name": config, "data_files": paths})
    card = yaml.safe_dump({"license": "other", "dataset_info": infos, "configs": entries}, sort_keys=False)
    return Repository("datasets", name, {"README.md": f"---\n{card}---\n# {name}\n".encode(), **files})


def parquet(features: Features, rows: Rows) -> bytes:
    """Return the rows as a Parquet file; a label that is not known is -1."""
    buffer = io.BytesIO()
    table = pa.Table.from_pylist([features.encode_example(dict(row)) for row in rows], schema=features.arrow_schema)
    pq.write_table(table, buffer)
    return buffer.getvalue()
