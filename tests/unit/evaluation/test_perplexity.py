"""Perplexity against the plainest strided computation on the tiny model, and its measurement as a job."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nlu_rl.data.wikitext import import_wikitext
from nlu_rl.errors import DataError, RecipeError, RunError
from nlu_rl.evaluation.finished import DONE, INTERRUPTED, create_evaluation, evaluation_on
from nlu_rl.evaluation.job import run
from nlu_rl.evaluation.perplexity import (
    Scored,
    Window,
    ground_of,
    perplexity,
    perplexity_arguments,
    perplexity_difference,
    perplexity_interval,
    text_of,
    windows,
)
from nlu_rl.report.records import collect
from nlu_rl.report.tables import DASH, evaluations_table
from nlu_rl.runs import control
from nlu_rl.runs.layout import RunDirectory
from nlu_rl.runs.reporter import Reporter, job
from tiny_model import tiny_causal_lm, tiny_tokenizer

TEXT = "".join(f" = Title {k} = \n \n" + f"Some words about {k} , and the like . " * (k + 2) + "\n" for k in range(4))
SUBJECT: dict[str, Any] = {"run": None, "checkpoint": None}


def reference(model: Any, ids: list[int], window: int, stride: int) -> float:
    """The library's guide on perplexity of fixed-length models, step by step."""
    total, count, before = 0.0, 0, 0
    for begin in range(0, len(ids), stride):
        end = min(begin + window, len(ids))
        tokens = torch.tensor([ids[begin:end]])
        targets = tokens.clone()
        targets[:, : -(end - before)] = -100
        with torch.no_grad():
            loss = model(tokens, labels=targets).loss
        valid = int((targets[:, 1:] != -100).sum())
        if valid:
            total, count = total + float(loss) * valid, count + valid
        before = end
        if end == len(ids):
            break
    return math.exp(total / count)


@pytest.fixture
def ready(home: Path, tmp_path: Path, tiny_model_dir: Path) -> Path:
    (tmp_path / "wiki.test.raw").write_text(TEXT, encoding="utf-8")
    import_wikitext(tmp_path / "wiki.test.raw")
    return tiny_model_dir


def arguments(model: Path, **changes: Any) -> dict[str, Any]:
    given = {"split": None, "data": None, "examples": None, "seed": 1, "window": 64, "stride": 24, **changes}
    return perplexity_arguments({**SUBJECT, "model": str(model)}, **given)


def measure(given: dict[str, Any], directory: RunDirectory | None = None) -> dict[str, Any]:
    directory = directory or create_evaluation("wikitext2", given)
    with job(directory) as reporter:
        reporter.result = run(directory, given, reporter)
    assert reporter.result is not None
    return reporter.result


@pytest.mark.parametrize(("window", "stride"), [(64, 24), (64, 64), (100, 1 << 6), (17, 3), (4096, 4096)])
def test_it_equals_the_reference(ready: Path, window: int, stride: int) -> None:
    result = measure(arguments(ready, window=window, stride=stride))
    ids = tiny_tokenizer()(TEXT)["input_ids"]
    expected = reference(tiny_causal_lm(), ids, window, stride)
    assert result["scores"]["perplexity"] == pytest.approx(expected, abs=1e-4 * expected)
    assert math.log(result["scores"]["perplexity"]) == pytest.approx(math.log(expected), abs=1e-5)
    low, high = result["intervals"].get("perplexity", (0, math.inf))
    assert low <= result["scores"]["perplexity"] <= high
    if stride < window:
        assert result["n"] == len(ids) - 1, "every token but the first is scored"


def test_windows_by_hand() -> None:
    assert windows(10, 4, 4) == [Window(0, 4, 1), Window(4, 8, 5), Window(8, 10, 9)]
    assert windows(9, 4, 4) == [Window(0, 4, 1), Window(4, 8, 5)], "a last token alone has nothing before it"
    assert windows(10, 4, 2) == [Window(0, 4, 1), Window(2, 6, 4), Window(4, 8, 6), Window(6, 10, 8)]
    assert windows(3, 8, 8) == [Window(0, 3, 1)]
    assert windows(1, 8, 8) == windows(0, 8, 8) == []


def test_perplexity_by_hand() -> None:
    parts = [Scored(2, 2 * math.log(4)), Scored(2, 2 * math.log(16))]
    assert perplexity(parts) == pytest.approx(8)
    low, high = perplexity_interval(parts, 1)
    assert (low, high) == (pytest.approx(4), pytest.approx(16))
    assert perplexity_interval(parts, 1) == (low, high)


def test_default_window_is_the_contexts_at_most(ready: Path) -> None:
    result = measure(arguments(ready, window=None, stride=None))
    assert (result["window"], result["stride"]) == (2048, 2048)
    with pytest.raises(SystemExit):
        measure(arguments(ready, window=5000, stride=None))


def test_stopped_and_resumed_equals_uninterrupted(ready: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = arguments(ready)
    whole = measure(given)
    directory = create_evaluation("wikitext2", given)
    progress = Reporter.progress

    def stop_at_three(self: Reporter, phase: str, done: int, total: int | None) -> None:
        progress(self, phase, done, total)
        if done == 3:
            control.request(directory, "stop")

    with monkeypatch.context() as patched:
        patched.setattr(Reporter, "progress", stop_at_three)
        assert measure(given, directory) == {}
    file = directory.path / "windows.jsonl"
    assert len(file.read_bytes().splitlines()) == 3
    file.write_bytes(file.read_bytes()[:-5])  # and the last line was cut by a full disk
    ground = ground_of(text_of(given))
    found = evaluation_on(ground, given, INTERRUPTED)
    assert found is not None
    assert found.path == directory.path
    control.acknowledge(directory, "stop")
    resumed = measure(given, found)
    assert resumed["scores"] == whole["scores"]
    assert file.read_text() == Path(whole["predictions"]).read_text()
    assert evaluation_on(ground, given, DONE) is not None
    assert evaluation_on(ground_of("another text"), given, DONE) is None


def test_windows_of_other_settings_are_never_mixed(ready: Path) -> None:
    given = arguments(ready)
    directory = create_evaluation("wikitext2", given)
    measure(given, directory)
    with job(directory) as reporter, pytest.raises(RunError, match="different: stride"):
        run(directory, {**given, "stride": 32}, reporter)


def test_a_text_of_ones_own(ready: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("A text without headings.\n" * 9)
    result = measure(arguments(ready, data=tmp_path / "mine.txt", examples=2))
    assert (result["windows"], result["split"]) == (2, None)
    assert result["intervals"]
    single = measure(arguments(ready, data=tmp_path / "mine.txt", examples=1))
    assert single["intervals"] == {}, "one window has no spread"
    names = {Path(each["predictions"]).parent.name for each in (result, single)}
    shown = {row[0]: row for row in evaluations_table(collect(sorted(names)).records).rows}
    assert all(row[3] == "wikitext2: mine.txt" for row in shown.values())
    assert all(f"windows of {result['window']}, {result['stride']} apart" in row[4] for row in shown.values())
    assert shown[Path(single["predictions"]).parent.name][6] == DASH


def test_what_cannot_be_asked(ready: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="would not be read"):
        arguments(ready, window=8, stride=9)
    with pytest.raises(RecipeError, match="at most 2048"):
        arguments(ready, window=None, stride=5000)
    with pytest.raises(RecipeError, match="--greedy mean nothing"):
        arguments(ready, refused=["--greedy"])
    with pytest.raises(DataError, match="both say"):
        arguments(ready, split="test", data=tmp_path / "x.txt")
    with pytest.raises(DataError, match="no split 'train'"):
        text_of(arguments(ready, split="train"))


def test_a_difference_is_paired_by_window() -> None:
    rng = np.random.default_rng(1)
    a = [Scored(50, float(nll)) for nll in rng.uniform(100, 300, 40)]
    better = [Scored(50, part.nll * 0.99) for part in a]
    interval, p = perplexity_difference(a, better, 1)
    assert interval[1] < 0
    assert p < 0.01
    assert perplexity_difference(a, a, 1) == ((0.0, 0.0), 1.0)
