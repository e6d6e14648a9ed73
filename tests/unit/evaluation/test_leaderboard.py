"""Submissions against the servers' forms: whole ones pass the check, and each way to spoil one is found."""

import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from nlu_rl.data.cache import write_splits
from nlu_rl.data.checks import SplitRows
from nlu_rl.data.schema import get_schema
from nlu_rl.errors import DataError, RecipeError
from nlu_rl.evaluation.leaderboard import TEST_ROWS, make_files, official_rows, write_zip
from nlu_rl.evaluation.leaderboard_check import LINES, TABLES, check_zip
from nlu_rl.evaluation.leaderboard_sources import find_sources, read_answers
from nlu_rl.tasks.contract import Example
from nlu_rl.tasks.registry import get_task
from trained_run import write_trained_run


@pytest.fixture(autouse=True)
def small(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few rows in the largest sets, so that a test takes no seconds."""
    for benchmark, sets in TEST_ROWS.items():
        for task, rows in sets.items():
            monkeypatch.setitem(TEST_ROWS[benchmark], task, min(rows, 40))  # type: ignore[arg-type]


@pytest.fixture
def multirc(small: None) -> None:
    schema = get_schema("multirc")
    rows = [
        {
            "id": f"test-{p}-{2 * p + q}-{8 * p + 4 * q + a}",
            "fields": {"paragraph": f"p{p}", "question": f"q{q}", "answer": f"a{a}"},
            "gold": None,
        }
        for p in range(5)
        for q in range(2)
        for a in range(4)
    ]
    write_splits(schema.name, [SplitRows(schema, "test", "a test", rows)])


def answered(task_name: str, count: int) -> list:
    task = get_task(task_name)
    draw = random.Random(1)
    texts = [f"{draw.choice(task.answers)}</Judgement>" if task.answers else "3.25</Judgement>" for _ in range(count)]
    return [(Example(f"test-{n}", {}, None), task.extract(text)) for n, text in enumerate(texts)]


@pytest.mark.parametrize("benchmark", ["glue", "superglue"])
def test_a_submission_has_every_file_and_passes_the_check(benchmark: str, multirc: None, tmp_path: Path) -> None:
    task = "stsb" if benchmark == "glue" else "copa"
    files = make_files(benchmark, {task: answered(task, 30)})
    wanted = TABLES if benchmark == "glue" else LINES
    assert sorted(file.name for file in files) == sorted(wanted)
    (one,) = [file for file in files if file.task == task]
    assert (one.answered, one.filled) == (30, 10)
    assert all((file.answered, file.filled) == (0, 40) for file in files if file.task != task)
    write_zip(tmp_path / "s.zip", files)
    assert check_zip(tmp_path / "s.zip", benchmark) == []
    first = (tmp_path / "s.zip").read_bytes()
    write_zip(tmp_path / "s.zip", files, force=True)
    assert (tmp_path / "s.zip").read_bytes() == first
    with pytest.raises(DataError, match="not overwritten"):
        write_zip(tmp_path / "s.zip", files)


SPOILS: list[tuple[str, str, Callable[[str], str | None], str]] = [
    ("glue", "CoLA.tsv", lambda text: None, "CoLA.tsv is missing"),
    ("glue", "CoLA.tsv", lambda text: text.replace("index\t", "id\t"), "its first line"),
    ("glue", "SST-2.tsv", lambda text: text.replace("\n5\t1", "\n5\tpositive"), "line 7 has the prediction 'positive'"),
    ("glue", "STS-B.tsv", lambda text: text.replace("\n5\t2.5", "\n5\t5.5"), "line 7 has the prediction '5.5'"),
    ("glue", "STS-B.tsv", lambda text: text.replace("\n5\t2.5", "\n5\tnan"), "line 7 has the prediction 'nan'"),
    ("glue", "QNLI.tsv", lambda text: text.replace("not_entailment", "no", 1), "the prediction 'no'"),
    ("glue", "AX.tsv", lambda text: text[: text.index("\n20\t") + 1], "it has 20 rows"),
    ("glue", "RTE.tsv", lambda text: text.replace("\n3\t", "\n4\t"), "line 5 has the index '4' instead of 3"),
    ("glue", "WNLI.tsv", lambda text: text.replace("\n3\t", "\n3\t\t"), "line 5 has 3 columns"),
    (
        "superglue",
        "BoolQ.jsonl",
        lambda text: text.replace('"true"', "true", 1),
        'label true, which is none of "true", "false"',
    ),
    (
        "superglue",
        "COPA.jsonl",
        lambda text: text.replace(": 0}", ": false}", 1),
        "the label false, which is none of 0, 1",
    ),
    ("superglue", "COPA.jsonl", lambda text: text.replace(": 0}", ': "0"}', 1), 'the label "0", which is none of 0, 1'),
    ("superglue", "WSC.jsonl", lambda text: text.replace("False", "false", 1), 'the label "false"'),
    ("superglue", "CB.jsonl", lambda text: text.replace('"idx": 3,', '"idx": 30,'), "line 4 has the idx 30"),
    ("superglue", "WiC.jsonl", lambda text: text + "{\n", "line 41 is not a JSON object"),
    ("superglue", "ReCoRD.jsonl", lambda text: text.replace('""', "null", 1), "the label null, which is not a text"),
    (
        "superglue",
        "MultiRC.jsonl",
        lambda text: text.replace('"label": 0', '"label": 2', 1),
        "is not the number 0 or 1",
    ),
    ("superglue", "MultiRC.jsonl", lambda text: text.replace("questions", "qas", 1), "not as the official form"),
    (
        "superglue",
        "MultiRC.jsonl",
        lambda text: text + text.splitlines()[0] + "\n",
        "the passage with idx 0 stands in it twice",
    ),
    (
        "superglue",
        "MultiRC.jsonl",
        lambda text: text.replace('{"idx": 1, "label"', '{"idx": 0, "label"'),
        "the answer idx 0 stands in it",
    ),
    (
        "superglue",
        "MultiRC.jsonl",
        lambda text: text.replace('"idx": 1, "answers', '"idx": 0, "answers'),
        "question idx 0",
    ),
    ("superglue", "MultiRC.jsonl", lambda text: "".join(text.splitlines(keepends=True)[1:]), "it has 32 rows"),
]


@pytest.mark.parametrize(("benchmark", "name", "spoil", "problem"), SPOILS)
def test_what_the_server_would_refuse_is_found(
    benchmark: str, name: str, spoil: Callable[[str], str | None], problem: str, multirc: None, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        for file in make_files(benchmark, {}):
            text = spoil(file.text) if file.name == name else file.text
            if text is not None:
                assert file.name != name or text != file.text, "the spoil changes something"
                archive.writestr(file.name, text)
    found = check_zip(tmp_path / "s.zip", benchmark)
    assert len(found) == 1, found
    assert problem in found[0]
    assert name in found[0]


def test_folders_and_strangers_in_a_zip(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        archive.writestr("mine/CoLA.tsv", "index\tprediction\n")
        archive.writestr("notes.txt", "hello")
        archive.writestr("SST-2.tsv", b"\xff")
    found = check_zip(tmp_path / "s.zip", "glue")
    assert "CoLA.tsv lies in a folder, as mine/CoLA.tsv." in found
    assert "notes.txt is no file of glue." in found
    assert "SST-2.tsv: it is not UTF-8 text." in found
    assert "RTE.tsv is missing." in found


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 cut"])
def test_what_is_no_zip(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "s.zip").write_bytes(content)
    with pytest.raises(DataError, match="not a whole zip"):
        check_zip(tmp_path / "s.zip", "glue")
    with pytest.raises(DataError, match="Cannot read"):
        check_zip(tmp_path / "nothing.zip", "glue")


def test_multirc_needs_its_rows(small: None) -> None:
    with pytest.raises(DataError, match="MultiRC") as error:
        make_files("superglue", {})
    assert "--task multirc" in error.value.fix


def test_answers_to_rows_that_are_not_there() -> None:
    with pytest.raises(DataError, match="test-40"):
        make_files("glue", {"sst2": answered("sst2", 41)})
    with pytest.raises(RecipeError, match="glue"):
        official_rows("glu")


def test_sources(tiny_model_dir: Path, tmp_path: Path) -> None:
    run = write_trained_run(tiny_model_dir)
    (tmp_path / "p.jsonl").write_text("")
    sources = find_sources("glue", [run.name, f"cola={tmp_path / 'p.jsonl'}", str(tiny_model_dir)])
    assert sources.keys() == TEST_ROWS["glue"].keys()
    assert sources["sst2"].subject is not None
    assert sources["sst2"].subject["run"] == run.name
    assert sources["cola"].file == tmp_path / "p.jsonl"
    assert not sources["qqp"].named
    assert find_sources("superglue", [f"wic={run.name}"]).keys() == {"wic"}
    for given, message in [
        ([run.name, run.name], "are to answer sst2"),
        ([str(tiny_model_dir)] * 2, "are to answer the rest"),
        (["sst3=x"], "Did you mean 'sst2'"),
        ([str(tmp_path / "p.jsonl")], "which test set"),
        (["nobody"], "nobody"),
    ]:
        with pytest.raises((RecipeError, DataError, Exception), match=message):
            find_sources("glue", given)
    with pytest.raises(RecipeError, match="none of which has a test set here"):
        find_sources("superglue", [run.name])


def test_predictions_of_another_split_are_refused(tmp_path: Path) -> None:
    line = {"index": 0, "id": "validation-0", "sample": 0, "completion": "positive</Judgement>"}
    path = tmp_path / "predictions.jsonl"
    path.write_text(json.dumps(line) + "\n")
    with pytest.raises(DataError, match="does not answer the test split"):
        read_answers("sst2", path)
    path.write_text(json.dumps({**line, "id": "test-3"}) + "\n" + json.dumps({**line, "id": "test-4", "sample": 1}))
    ((example, extracted),) = read_answers("sst2", path)
    assert (example.id, extracted.value) == ("test-3", "positive")
    path.write_text("")
    with pytest.raises(DataError, match="holds no predictions"):
        read_answers("sst2", path)


def test_a_run_also_answers_the_sets_made_for_its_task(tiny_model_dir: Path) -> None:
    run = write_trained_run(tiny_model_dir)
    run.recipe_path.write_text(run.recipe_path.read_text().replace("- sst2", "- mnli"))
    named = {task: source.named for task, source in find_sources("glue", [run.name]).items()}
    assert named == {"mnli": True, "mnli-mm": False, "ax": False}
