"""The data sets of SuperGLUE. A row of MultiRC is one answer, a row of ReCoRD one query."""

from nlu_rl.data.row_schema import HubSource, Schema
from nlu_rl.data.schemas_glue import ENTAILED, NLI_COLUMNS, PAIR_COLUMNS, YES_NO

TRUE_FALSE = {"false": "no", "true": "yes", "0": "no", "1": "yes"}
REPOSITORY = "aps/super_glue"


def _superglue(
    name: str,
    fields: tuple[str, ...],
    answers: tuple[str, ...] | None,
    licence: str,
    codes: dict[str, str],
    *,
    task: str = "",
    config: str = "",
    test_only: bool = False,
) -> Schema:
    columns = PAIR_COLUMNS if fields == ("sentence1", "sentence2") else NLI_COLUMNS if "premise" in fields else {}
    if "passage" in fields or "paragraph" in fields:
        columns = {"passage": ("context", "paragraph", "article"), "paragraph": ("passage", "context", "article")}
    splits = {"test": "test"} if test_only else {"train": "train", "validation": "validation", "test": "test"}
    return Schema(
        name=f"superglue/{name}",
        task=task or name,
        fields=fields,
        answers=answers,
        codes=codes,
        free_text=answers is None,
        may_be_empty=("answer",),
        columns=columns,
        licence=licence,
        source=f"SuperGLUE: the official folder, or {REPOSITORY} on the hub",
        bring=(
            f"Run 'nlu-rl data fetch superglue/{name}', or 'nlu-rl data import superglue DIR' with the official "
            "SuperGLUE folder."
        ),
        hub=HubSource(REPOSITORY, config or name, splits),
    )


_CB = ("entailment", "contradiction", "neutral")

SUPERGLUE = (
    _superglue("boolq", ("passage", "question"), YES_NO, "CC BY-SA 3.0 (Clark et al. 2019)", TRUE_FALSE),
    _superglue(
        "cb",
        ("premise", "hypothesis"),
        _CB,
        "not stated; research use (de Marneffe et al. 2019)",
        {str(code): answer for code, answer in enumerate(_CB)},
    ),
    _superglue(
        "copa",
        ("premise", "choice1", "choice2", "question"),
        ("1", "2"),
        "BSD 2-clause (Roemmele et al. 2011)",
        {},
    ),
    _superglue(
        "multirc",
        ("paragraph", "question", "answer"),
        YES_NO,
        "not stated; research use (Khashabi et al. 2018)",
        TRUE_FALSE,
    ),
    _superglue("record", ("passage", "entities", "query"), None, "not stated; research use (Zhang et al. 2018)", {}),
    _superglue(
        "rte",
        ("premise", "hypothesis"),
        YES_NO,
        "not stated; research use (Dagan et al. 2006 and after)",
        ENTAILED,
        task="superglue-rte",
    ),
    _superglue("wic", ("word", "sentence1", "sentence2"), YES_NO, "CC BY-NC 4.0 (Pilehvar et al. 2019)", TRUE_FALSE),
    _superglue("wsc", ("text", "noun", "pronoun"), YES_NO, "CC BY 4.0 (Levesque et al. 2012)", TRUE_FALSE),
    _superglue(
        "ax-b",
        ("sentence1", "sentence2"),
        YES_NO,
        "not stated; research use (Wang et al. 2019)",
        ENTAILED,
        config="axb",
        test_only=True,
    ),
    _superglue(
        "ax-g",
        ("premise", "hypothesis"),
        YES_NO,
        "MIT (Rudinger et al. 2018)",
        ENTAILED,
        config="axg",
        test_only=True,
    ),
)
