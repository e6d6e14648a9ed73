"""Which files of the official GLUE folder hold what, in which columns.

A split may lie in one of several files; the first that is there is read. MRPC comes as the download script writes it or
as Microsoft's own two files, the diagnostic set with its labels or without.
"""

from dataclasses import dataclass, field

from nlu_rl.data.official import TaskFolder


@dataclass(frozen=True, slots=True)
class TableFile:
    """A tab-separated file. `columns` are the file's names of the schema's fields, in its order.

    `label` is None where the file has none, and `bare` the columns of a file without header line. With `subset`, only
    the rows whose pair of ids stands in `dev_ids.tsv` (`dev`), or does not (`rest`).
    """

    name: str
    columns: tuple[str, ...]
    label: str | None
    index: str = "index"
    bare: tuple[str, ...] = ()
    subset: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """The files of a task by split, best first; a name that ends in .jsonl is read as JSON lines."""

    folder: str
    task: str
    files: dict[str, tuple[TableFile, ...]] = field(default_factory=dict)


def _plain(folder: str, task: str, columns: tuple[str, ...], label: str = "label", index: str = "index") -> Layout:
    labelled = [TableFile(name, columns, label, index) for name in ("train.tsv", "dev.tsv")]
    test = TableFile("test.tsv", columns, None, index)
    return Layout(folder, task, {"train": (labelled[0],), "validation": (labelled[1],), "test": (test,)})


_PAIR = ("sentence1", "sentence2")
_COLA = ("source", "label", "star", "sentence")
_MRPC = ("#1 String", "#2 String")


def _mnli(split: str, kind: str = "") -> tuple[TableFile, ...]:
    label = None if split == "test" else "gold_label"
    return (
        TableFile(f"{split}{kind}.tsv", _PAIR, label),
        TableFile(f"{split}{kind}.jsonl", ("premise", "hypothesis"), "label"),
    )


LAYOUTS = (
    Layout(
        "CoLA",
        "cola",
        {
            "train": (TableFile("train.tsv", ("sentence",), "label", bare=_COLA),),
            "validation": (TableFile("dev.tsv", ("sentence",), "label", bare=_COLA),),
            "test": (TableFile("test.tsv", ("sentence",), None),),
        },
    ),
    _plain("SST-2", "sst2", ("sentence",)),
    _plain("STS-B", "stsb", _PAIR, "score"),
    Layout(
        "MRPC",
        "mrpc",
        {
            "train": (
                TableFile("train.tsv", _MRPC, "Quality", ""),
                TableFile("msr_paraphrase_train.txt", _MRPC, "Quality", "", subset="rest"),
            ),
            "validation": (
                TableFile("dev.tsv", _MRPC, "Quality", ""),
                TableFile("msr_paraphrase_train.txt", _MRPC, "Quality", "", subset="dev"),
            ),
            "test": (
                TableFile("test.tsv", _MRPC, None),
                TableFile("msr_paraphrase_test.txt", _MRPC, "Quality", ""),
            ),
        },
    ),
    _plain("QQP", "qqp", ("question1", "question2"), "is_duplicate", "id"),
    Layout(
        "MNLI",
        "mnli",
        {"train": _mnli("train"), "validation": _mnli("dev", "_matched"), "test": _mnli("test", "_matched")},
    ),
    Layout("MNLI", "mnli-mm", {"validation": _mnli("dev", "_mismatched"), "test": _mnli("test", "_mismatched")}),
    _plain("QNLI", "qnli", ("question", "sentence")),
    _plain("RTE", "rte", _PAIR),
    _plain("WNLI", "wnli", _PAIR),
    *(
        Layout(
            folder,
            "ax",
            {
                "test": (
                    TableFile("diagnostic-full.tsv", ("Premise", "Hypothesis"), "Label", ""),
                    TableFile("diagnostic.tsv", _PAIR, None),
                    TableFile("AX.tsv", _PAIR, None),
                )
            },
        )
        for folder in ("diagnostic", "AX")
    ),
)

DEV_IDS = "dev_ids.tsv"


def folders() -> dict[str, TaskFolder]:
    """Return what may be found in the official folder, by folder name in small letters."""
    found = {}
    for name in dict.fromkeys(layout.folder for layout in LAYOUTS):
        layouts = [layout for layout in LAYOUTS if layout.folder == name]
        files = dict.fromkeys(file.name for layout in layouts for split in layout.files.values() for file in split)
        found[name.casefold()] = TaskFolder(name, tuple(layout.task for layout in layouts), tuple(files))
    return found
