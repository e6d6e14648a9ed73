"""Every folder of the official GLUE download, with made-up rows in the official columns."""

from pathlib import Path

import pytest

from nlu_rl.data.cache import read_rows
from nlu_rl.data.checks import Refusal, Row
from nlu_rl.data.glue import import_glue

MNLI = (
    "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\tsentence1_parse\tsentence2_parse"
)
MNLI_ROW = "{}\t1\t1n\tfiction\t( a )\t( b )\t(ROOT a)\t(ROOT b)\t"
MSR = "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n"


def write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode())


def golds(name: str, split: str) -> list[str | None]:
    return [row["gold"] for row in read_rows(name, split)]


def test_mnli_is_two_tasks(tmp_path: Path, home: Path) -> None:
    folder = tmp_path / "MNLI"
    labelled = [MNLI_ROW.format(n) + f"P{n}.\tH{n}.\tneutral\t{gold}" for n, gold in enumerate(("neutral", "-"))]
    write(folder / "train.tsv", "\n".join([f"{MNLI}\tsentence1\tsentence2\tlabel1\tgold_label", *labelled]))
    dev = f"{MNLI}\tsentence1\tsentence2\tlabel1\tlabel2\tlabel3\tlabel4\tlabel5\tgold_label\n"
    for kind, gold in (("matched", "entailment"), ("mismatched", "contradiction")):
        write(folder / f"dev_{kind}.tsv", dev + MNLI_ROW.format(0) + f"P.\tH.\t\t\t\t\t\t{gold}\n")
        write(folder / f"test_{kind}.tsv", f"{MNLI}\tsentence1\tsentence2\n" + MNLI_ROW.format(7) + "P.\tH.\n")
    result = import_glue(tmp_path)
    assert [(part.schema.task, part.split, len(part.rows)) for part in result.splits] == [
        ("mnli", "train", 1),
        ("mnli", "validation", 1),
        ("mnli", "test", 1),
        ("mnli-mm", "validation", 1),
        ("mnli-mm", "test", 1),
    ]
    assert result.splits[0].refused[0].line == 3
    assert read_rows("glue/mnli", "train")[0]["fields"] == {"premise": "P0.", "hypothesis": "H0."}
    assert golds("glue/mnli", "validation") == ["entailment"]
    assert golds("glue/mnli-mm", "validation") == ["contradiction"]
    assert read_rows("glue/mnli-mm", "test")[0]["id"] == "test-7"


def test_mismatched_mnli_trains_on_the_rows_of_mnli(tmp_path: Path, home: Path) -> None:
    from nlu_rl.tasks.registry import get_task

    rows = '{"premise": "P", "hypothesis": "H", "label": "neutral"}\n'
    write(tmp_path / "MNLI" / "train.jsonl", rows)
    import_glue(tmp_path)
    for name in ("mnli", "mnli-mm", "ax"):
        assert [example.gold for example in get_task(name).load("train")] == ["neutral"]


def test_mrpc_as_the_download_script_writes_it(tmp_path: Path, home: Path) -> None:
    folder = tmp_path / "MRPC"
    header = MSR.removeprefix("\ufeff")
    write(folder / "train.tsv", f'{header}1\t11\t12\tHe said "no.\tHe said no.\n0\t13\t14\tA.\tB.\n')
    write(folder / "dev.tsv", f"{header}1\t15\t16\tC.\tD.\n")
    write(folder / "test.tsv", "index\t#1 ID\t#2 ID\t#1 String\t#2 String\n0\t1\t2\tE.\tF.\n5\t3\t4\tG.\tH.\n")
    write(folder / "msr_paraphrase_train.txt", "not read")
    import_glue(tmp_path)
    assert golds("glue/mrpc", "train") == ["yes", "no"]
    assert read_rows("glue/mrpc", "train")[0]["fields"]["sentence1"] == 'He said "no.'
    assert [row["id"] for row in read_rows("glue/mrpc", "test")] == ["test-0", "test-5"]


def msr(*pairs: int) -> str:
    return MSR + "".join(f"{pair % 2}\t{pair}\t{pair + 100}\tOne {pair}.\tTwo {pair}.\r\n" for pair in pairs)


def test_mrpc_as_microsoft_gives_it(tmp_path: Path, home: Path) -> None:
    folder = tmp_path / "MRPC"
    write(folder / "msr_paraphrase_train.txt", msr(1, 2, 3))
    write(folder / "msr_paraphrase_test.txt", msr(4, 5))
    result = import_glue(tmp_path)
    assert [(part.split, len(part.rows)) for part in result.splits] == [("train", 3), ("test", 2)]
    assert "no dev_ids.tsv" in result.skipped[0]
    assert golds("glue/mrpc", "test") == ["no", "yes"]
    write(folder / "dev_ids.tsv", "2\t102\n")
    import_glue(tmp_path)
    assert [row["fields"]["sentence1"] for row in read_rows("glue/mrpc", "train")] == ["One 1.", "One 3."]
    assert [row["fields"]["sentence1"] for row in read_rows("glue/mrpc", "validation")] == ["One 2."]


def test_qqp(tmp_path: Path, home: Path) -> None:
    header = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n"
    write(tmp_path / "QQP" / "train.tsv", header + "133273\t1\t2\tWhy?\tHow?\t0\n7\t3\t4\tWho?\n8\t1\t2\tA?\tB?\t1\n")
    write(tmp_path / "QQP" / "test.tsv", "id\tquestion1\tquestion2\n3\tWhy?\tHow?\n")
    train = import_glue(tmp_path).splits[0]
    assert golds("glue/qqp", "train") == ["no", "yes"]
    assert train.refused == [Refusal(3, "4 columns instead of 6")]
    assert read_rows("glue/qqp", "test")[0]["id"] == "test-3"


@pytest.mark.parametrize(
    ("folder", "columns", "name", "labels"),
    [
        ("QNLI", ("question", "sentence"), "qnli", ("entailment", "not_entailment")),
        ("RTE", ("sentence1", "sentence2"), "rte", ("entailment", "not_entailment")),
        ("WNLI", ("sentence1", "sentence2"), "wnli", ("1", "0")),
    ],
)
def test_entailment(
    tmp_path: Path, home: Path, folder: str, columns: tuple[str, str], name: str, labels: tuple[str, str]
) -> None:
    header = "index\t" + "\t".join(columns)
    rows = "".join(f"{n}\tOne.\tTwo.\t{label}\n" for n, label in enumerate(labels))
    write(tmp_path / folder / "dev.tsv", f"{header}\tlabel\n{rows}")
    write(tmp_path / folder / "test.tsv", f"{header}\n9\tOne.\tTwo.\n")
    import_glue(tmp_path)
    assert golds(f"glue/{name}", "validation") == ["yes", "no"]
    expected: Row = {"id": "test-9", "fields": dict(zip(columns, ("One.", "Two."), strict=True)), "gold": None}
    assert read_rows(f"glue/{name}", "test") == [expected]


@pytest.mark.parametrize("folder", ["diagnostic", "AX"])
def test_the_diagnostic_set_is_a_test_split_with_labels_where_there_are(
    tmp_path: Path, home: Path, folder: str
) -> None:
    write(tmp_path / folder / "diagnostic.tsv", "index\tsentence1\tsentence2\n0\tOne.\tTwo.\n")
    import_glue(tmp_path)
    assert golds("glue/ax", "test") == [None]
    full = "Lexical Semantics\tPredicate-Argument Structure\tLogic\tKnowledge\tDomain\tPremise\tHypothesis\tLabel\n"
    write(tmp_path / folder / "diagnostic-full.tsv", full + "\t\tNegation\t\tNews\tOne.\tTwo.\tcontradiction\n")
    import_glue(tmp_path)
    assert read_rows("glue/ax", "test") == [
        {"id": "test-0", "fields": {"premise": "One.", "hypothesis": "Two."}, "gold": "contradiction"}
    ]
