"""`nlu-rl data fetch` of every data set by its hub name, by the hub's own libraries, over HTTP.

What comes must be the rows that the official files give; the hub here has the same made-up rows in its own layout.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command import Cli

from hub_server import HubServer, serving
from hub_server.made_up import repositories, write_official
from nlu_rl.data.schema import SCHEMAS

ON_HUB = sorted(name for name, schema in SCHEMAS.items() if schema.hub)
Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("official")
    write_official(folder)
    return folder


@pytest.fixture(scope="module")
def server(official: Path) -> Iterator[HubServer]:
    with serving(*repositories(official)) as hub:
        yield hub


def online(home: Path, server: HubServer) -> Cli:
    home.mkdir(exist_ok=True)
    cli = Cli(home)
    cli.environment.update({"HF_ENDPOINT": server.url, "HF_HUB_OFFLINE": "0", "no_proxy": "127.0.0.1"})
    for name in ("HF_HOME", "HF_TOKEN"):
        cli.environment.pop(name, None)
    return cli


@pytest.fixture(scope="module")
def fetched(server: HubServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home into which everything the hub has was fetched, by one command."""
    cli = online(tmp_path_factory.mktemp("fetched"), server)
    done = cli("data", "fetch", *ON_HUB, "--json", timeout=300)
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert {line["task"] for line in told} == {SCHEMAS[name].task for name in ON_HUB}
    assert all(line["refused"] == 0 for line in told), done.stderr
    (unlabelled,) = [line for line in done.stderr.splitlines() if "without labels" in line]
    assert unlabelled.startswith("ax test: ")
    assert "nlu-rl data import glue DIR" in unlabelled
    return cli.home


@pytest.fixture(scope="module")
def imported(official: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home into which the official files were imported."""
    cli = Cli(tmp_path_factory.mktemp("imported"))
    other = official / "other"
    for arguments in (
        ("glue", official / "glue"),
        ("superglue", official / "superglue"),
        ("squad", official / "squad"),
        ("wikitext", official / "wikitext"),
        ("transfer", other),
    ):
        done = cli("data", "import", *map(str, arguments))
        assert done.returncode == 0, done.stderr
    return cli.home


def rows_in(home: Path, name: str) -> Rows:
    folder = home / "data_cache" / "datasets" / name
    files = {path.stem: path.read_text(encoding="utf-8").splitlines() for path in sorted(folder.glob("*.jsonl"))}
    return {split: [json.loads(line) for line in lines] for split, lines in files.items()}


AS_IMPORTED = sorted(set(ON_HUB) - {"amazon", "babi-nli", "glue/ax", "siga-nli", "superglue/ax-g"})


@pytest.mark.parametrize("name", AS_IMPORTED)
def test_the_hubs_rows_are_those_of_the_official_files(name: str, fetched: Path, imported: Path) -> None:
    expected = rows_in(imported, name)
    assert expected
    assert rows_in(fetched, name) == expected


def test_the_hub_has_the_diagnostic_set_without_labels(fetched: Path, imported: Path) -> None:
    expected = [{**row, "gold": None} for row in rows_in(imported, "glue/ax")["test"]]
    assert rows_in(fetched, "glue/ax") == {"test": expected}


def test_the_hub_does_not_number_the_pairs_of_winogender(fetched: Path, imported: Path) -> None:
    expected = [{**row, "id": f"test-{n}"} for n, row in enumerate(rows_in(imported, "superglue/ax-g")["test"])]
    assert rows_in(fetched, "superglue/ax-g") == {"test": expected}


def test_the_configurations_of_one_data_set_lie_one_after_the_other(fetched: Path) -> None:
    rows = rows_in(fetched, "babi-nli")
    assert [(row["id"], row["fields"]["premise"], row["gold"]) for row in rows["test"]] == [
        ("test-0", "Di sat.", "not entailment"),
        ("test-1", "A fig.", "entailment"),
        ("test-2", "A plum.", "not entailment"),
    ]
    assert set(rows) == {"train", "validation", "test"}


def test_csv_and_json_lines_on_the_hub(fetched: Path) -> None:
    premises = [(row["fields"], row["gold"]) for row in rows_in(fetched, "siga-nli")["train"]]
    assert premises == [
        ({"premise": "It rains, a lot", "hypothesis": 'It is "wet"'}, "entailment"),
        ({"premise": "P", "hypothesis": "S"}, "neutral"),
    ]
    reviews = rows_in(fetched, "amazon")
    assert [(row["fields"]["text"], row["gold"]) for row in reviews["test"]] == [("“Best” ever", "5"), ("Poor", "2")]
    assert set(reviews) == {"train", "validation", "test"}


def test_what_the_hub_has_not_is_told_at_once(server: HubServer, tmp_path: Path) -> None:
    cli = online(tmp_path / "home", server)
    squad = server.find("datasets", "rajpurkar/squad")
    assert squad
    for refusal, why in (((404, "RepoNotFound"), "there is no such data set on it"), ((403, "GatedRepo"), "HF_TOKEN")):
        squad.hidden = refusal
        try:
            done = cli("data", "fetch", "squad")
        finally:
            squad.hidden = None
        assert done.returncode == 2
        words = " ".join(done.stderr.split())
        assert why in words
        assert "nlu-rl data import squad DIR" in words
    assert rows_in(cli.home, "squad") == {}


def test_a_spoilt_file_changes_nothing(server: HubServer, tmp_path: Path) -> None:
    cli = online(tmp_path / "home", server)
    squad = server.find("datasets", "rajpurkar/squad")
    assert squad
    squad.spoilt = "plain_text/train-00000-of-00001.parquet"
    try:
        done = cli("data", "fetch", "squad")
    finally:
        squad.spoilt = None
    assert done.returncode == 2, done.stderr
    assert "The hub did not give 'squad'" in done.stderr
    assert rows_in(cli.home, "squad") == {}
