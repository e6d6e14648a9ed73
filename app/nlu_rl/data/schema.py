"""What is known about every data set before any row is read, and how to find one by name.

Not here: rows, or how a model is asked about them (`tasks/`).
"""

from nlu_rl.data.row_schema import SPLITS, Schema, number_text, scale_decimals
from nlu_rl.data.schemas_glue import GLUE
from nlu_rl.data.schemas_other import OTHER
from nlu_rl.data.schemas_superglue import SUPERGLUE
from nlu_rl.errors import DataError, unknown_name

__all__ = ["SCHEMAS", "SPLITS", "Schema", "check_split", "get_schema", "number_text", "scale_decimals"]

SCHEMAS: dict[str, Schema] = {schema.name: schema for schema in (*OTHER[:1], *GLUE, *SUPERGLUE, *OTHER[1:])}


def get_schema(name: str) -> Schema:
    """Return the schema of a data set, by its own name or its task's. Raises DataError for an unknown name."""
    for schema in SCHEMAS.values():
        if name in (schema.name, schema.task):
            return schema
    raise DataError(unknown_name("data set", name, SCHEMAS), "'nlu-rl data list' shows them all.")


def check_split(split: str) -> str:
    """Return `split`, or raise DataError when there is no such split."""
    if split in ("dev", "val", "valid"):
        raise DataError(f"There is no split '{split}'; it is called 'validation' here.", "Give 'validation'.")
    if split not in SPLITS:
        raise DataError(unknown_name("split", split, SPLITS), "Give one of them.")
    return split
