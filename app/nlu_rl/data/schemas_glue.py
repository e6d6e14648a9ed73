"""The data sets of GLUE. MNLI-mm is a data set of its own, without training rows: its task trains on MNLI's."""

from nlu_rl.data.row_schema import HubSource, Schema

YES_NO = ("no", "yes")
ENTAILMENT = ("entailment", "neutral", "contradiction")
ENTAILED = {"entailment": "yes", "not_entailment": "no", "not entailment": "no", "0": "yes", "1": "no"}
"""How RTE, QNLI and their like write labels; the hub numbers entailment 0."""
PAIR_COLUMNS = {"sentence1": ("sentence_1", "text1", "first"), "sentence2": ("sentence_2", "text2", "second")}
NLI_COLUMNS = {"premise": ("sentence1", "text1"), "hypothesis": ("sentence2", "text2"), "label": ("gold_label",)}


def _glue(
    task: str,
    fields: tuple[str, ...],
    answers: tuple[str, ...] | None,
    licence: str,
    *,
    codes: dict[str, str] | None = None,
    config: str = "",
    splits: dict[str, str] | None = None,
) -> Schema:
    columns = PAIR_COLUMNS if "sentence1" in fields else NLI_COLUMNS if "premise" in fields else {}
    source = HubSource("nyu-mll/glue", config or task)
    return Schema(
        name=f"glue/{task}",
        task=task,
        fields=fields,
        answers=answers,
        codes={str(code): answer for code, answer in enumerate(answers or ())} if codes is None else codes,
        columns=columns,
        may_be_empty=fields if task == "qqp" else (),
        licence=licence,
        source="GLUE: the official folder, or nyu-mll/glue on the hub",
        bring=f"Run 'nlu-rl data fetch glue/{task}', or 'nlu-rl data import glue DIR' with the official GLUE folder.",
        hub=source if splits is None else HubSource("nyu-mll/glue", config or task, splits),
    )


_PAIR = ("sentence1", "sentence2")
_NLI = ("premise", "hypothesis")
_MNLI_LICENCE = "OANC and others; research use (Williams et al. 2018)"

GLUE = (
    _glue("cola", ("sentence",), ("not acceptable", "acceptable"), "not stated; research use (Warstadt et al. 2018)"),
    _glue("sst2", ("sentence",), ("negative", "positive"), "not stated; research use (Socher et al. 2013)"),
    _glue("stsb", _PAIR, None, "CC BY-SA 4.0, parts under their own terms (Cer et al. 2017)"),
    _glue("mrpc", _PAIR, YES_NO, "Microsoft Research terms; research use (Dolan & Brockett 2005)"),
    _glue("qqp", ("question1", "question2"), YES_NO, "Quora's terms; non-commercial (Iyer et al. 2017)"),
    _glue(
        "mnli",
        _NLI,
        ENTAILMENT,
        _MNLI_LICENCE,
        splits={"train": "train", "validation": "validation_matched", "test": "test_matched"},
    ),
    _glue(
        "mnli-mm",
        _NLI,
        ENTAILMENT,
        _MNLI_LICENCE,
        config="mnli",
        splits={"validation": "validation_mismatched", "test": "test_mismatched"},
    ),
    _glue("qnli", ("question", "sentence"), YES_NO, "CC BY-SA 4.0 (Rajpurkar et al. 2016)", codes=ENTAILED),
    _glue("rte", _PAIR, YES_NO, "not stated; research use (Dagan et al. 2006 and after)", codes=ENTAILED),
    _glue(
        "wnli",
        _PAIR,
        YES_NO,
        "CC BY 4.0 (Levesque et al. 2012)",
        codes={"0": "no", "1": "yes", "not_entailment": "no", "entailment": "yes"},
    ),
    _glue("ax", _NLI, ENTAILMENT, "not stated; research use (Wang et al. 2018)", splits={"test": "test"}),
)
