"""Where things are kept, and what cannot be a place for them."""

from pathlib import Path

import pytest

from nlu_rl import paths
from nlu_rl.cli.main import run_cli
from nlu_rl.errors import NluRlError


def test_a_home_that_is_there_or_not_yet(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths.require_runs_dir()
    monkeypatch.setenv("NLU_RL_HOME", str(tmp_path / "later"))
    paths.require_runs_dir()


@pytest.mark.parametrize(("file", "named"), [("", "NLU_RL_HOME is"), ("runs", "is where runs are kept")])
def test_a_home_that_is_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], file: str, named: str
) -> None:
    root = tmp_path / "root"
    (root / file).parent.mkdir(exist_ok=True)
    (root / file).write_text("x")
    monkeypatch.setenv("NLU_RL_HOME", str(root))
    with pytest.raises(NluRlError, match=named):
        paths.require_runs_dir()
    assert run_cli(["runs", "list"]) == 2
    assert "not a folder" in " ".join(capsys.readouterr().err.split())
