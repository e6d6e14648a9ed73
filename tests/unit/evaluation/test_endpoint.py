"""An OpenAI-compatible endpoint as what is evaluated, against a real server on this machine."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fake_endpoint import Body, FakeEndpoint, serving
from nlu_rl.cli.main import run_cli
from nlu_rl.errors import ModelError
from nlu_rl.evaluation import endpoint_subject
from nlu_rl.evaluation.endpoint import endpoint_arguments
from nlu_rl.evaluation.finished import DONE, INTERRUPTED, create_evaluation, evaluation_for
from nlu_rl.evaluation.job import run
from nlu_rl.evaluation.request import evaluation_arguments
from nlu_rl.evaluation.rows import load_rows
from nlu_rl.runs.layout import RunDirectory
from nlu_rl.runs.reporter import job
from nlu_rl.runs.status import read_status
from nlu_rl.tasks.registry import get_task
from trained_run import write_sst2

SST2 = get_task("sst2")


def judge(body: Body) -> str:
    """Answer rightly, but "dull" things that are very very dull with a rambling text, as a chat model would."""
    text = body["messages"][-1]["content"]
    if "very very very" in text:
        return "Well, it depends."
    return f"<Judgement>{'positive' if 'fine' in text else 'negative'}</Judgement>"


@pytest.fixture
def endpoint(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEndpoint]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("OPENAI_API_KEY", "secret-key")
    write_sst2()
    with serving(judge) as server:
        yield server


def arguments_for(endpoint: FakeEndpoint, **changes: Any) -> dict[str, Any]:
    subject = endpoint_arguments("openai:small", url=endpoint.url, concurrency=4, timeout_seconds=5.0)
    options: dict[str, Any] = {"split": None, "data": None, "examples": 30, "seed": 3, "greedy": False, **changes}
    return evaluation_arguments(subject, "sst2", SST2, **options)


def evaluate(directory: RunDirectory, arguments: dict[str, Any]) -> dict[str, Any]:
    with job(directory) as reporter:
        reporter.result = run(directory, arguments, reporter)
    return reporter.result


def test_the_tasks_own_chat_is_sent_and_answers_are_scored_like_any_other(endpoint: FakeEndpoint) -> None:
    arguments = arguments_for(endpoint, shots="2")
    directory = create_evaluation(SST2, arguments)
    result = evaluate(directory, arguments)
    rows = [example for _, example in load_rows(SST2, arguments)]
    from nlu_rl.evaluation.rows import demonstrations, unseen

    shots = demonstrations(SST2, unseen(SST2.load("train"), rows), 2)
    expected = [SST2.prompt(row, shots)[:-1] for row in rows]
    sent = [body["messages"] for body in endpoint.requests[1:]]
    assert sorted(map(json.dumps, sent)) == sorted(map(json.dumps, expected))
    assert {body["model"] for body in endpoint.requests} == {"small"}
    assert {body["temperature"] for body in endpoint.requests[1:]} == {1.0}
    assert len({body["seed"] for body in endpoint.requests[1:]}) == 30
    assert set(endpoint.keys) == {"Bearer secret-key"}
    assert (result["subject"], result["n"], result["shots"]) == ("openai:small", 30, 2)
    assert 0 < result["scores"]["accuracy"] < 1
    assert result["parse_rate"] == result["scores"]["accuracy"]
    assert result["balance"]["given"]["unparsed"] == round(30 * (1 - result["parse_rate"]))
    assert result["seconds_per_row"] > 0
    assert "secret-key" not in "".join(p.read_text() for p in directory.path.rglob("*") if p.is_file())


def test_the_best_number_of_demonstrations_is_chosen_and_its_answers_are_kept(endpoint: FakeEndpoint) -> None:
    arguments = arguments_for(endpoint, shots="best", examples=5)
    directory = create_evaluation(SST2, arguments)
    result = evaluate(directory, arguments)
    tried = result["shots_tried"]
    assert list(tried) == [1, 2, 3, 4, 5]
    assert result["shots"] == max(tried, key=lambda count: (tried[count], -count))
    asked = len(endpoint.requests)
    assert evaluate(directory, arguments)["scores"] == result["scores"]
    assert len(endpoint.requests) == asked + 1, "only the first request, which tries the server, is made again"


def test_several_requests_are_under_way_at_once_and_refusals_that_pass_are_retried(endpoint: FakeEndpoint) -> None:
    endpoint.seconds = 0.02
    again = {"retry-after-ms": "5"}
    endpoint.failures = [(503, {"error": {"message": "warming up"}}, again), (429, {"error": {}}, again)]
    arguments = arguments_for(endpoint)
    assert evaluate(create_evaluation(SST2, arguments), arguments)["n"] == 30
    assert 2 <= endpoint.most_at_once <= 4
    assert len(endpoint.requests) == 1 + 30 + 2


def test_an_interrupted_evaluation_asks_only_for_what_is_missing(
    endpoint: FakeEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint_subject, "CHUNK_ROWS", 10)
    monkeypatch.setattr(endpoint_subject, "RETRIES", 0)
    arguments = arguments_for(endpoint)
    rows = load_rows(SST2, arguments)
    whole = create_evaluation(SST2, arguments)
    expected = evaluate(whole, arguments)
    directory = create_evaluation(SST2, arguments)
    endpoint.requests.clear()
    answer, count = endpoint.answer, 0

    def breaking(body: Body) -> str:
        nonlocal count
        count += 1
        if count == 15:
            endpoint.failures = [(500, {"error": {"message": "boom"}}, {})] * 3
        return answer(body)

    endpoint.answer = breaking
    with pytest.raises(SystemExit) as failed:
        evaluate(directory, arguments)
    assert failed.value.code == 2
    status = read_status(directory)
    assert status.error is not None
    assert "boom" in status.error.message
    endpoint.answer, endpoint.failures = answer, []
    other_speed = {**arguments, "endpoint_concurrency": 1}
    assert evaluation_for(SST2, rows, other_speed, INTERRUPTED) == directory
    endpoint.requests.clear()
    result = evaluate(directory, arguments)
    assert len(endpoint.requests) == 1 + 20, "one question to begin with, and the two chunks that were missing"
    assert result["scores"] == expected["scores"]
    lines = [(folder.path / "predictions.jsonl").read_bytes() for folder in (directory, whole)]
    assert lines[0] == lines[1]
    assert evaluation_for(SST2, rows, arguments, DONE) == directory


@pytest.mark.parametrize("option", ["max_tokens", "seed"])
def test_a_refused_optional_parameter_is_left_out(endpoint: FakeEndpoint, option: str) -> None:
    endpoint.refused_option = option
    arguments = arguments_for(endpoint, examples=3)
    assert evaluate(create_evaluation(SST2, arguments), arguments)["n"] == 3
    asked = endpoint.requests[-1]
    assert option not in asked
    assert ("max_completion_tokens" in asked) == (option == "max_tokens")


def test_an_answer_cut_on_its_way_is_asked_for_again(endpoint: FakeEndpoint) -> None:
    endpoint.failures = [(200, "not json", {})] * 2
    arguments = arguments_for(endpoint, examples=3)
    assert evaluate(create_evaluation(SST2, arguments), arguments)["n"] == 3


def test_prefill_sends_the_opening_tag_for_servers_that_go_on_with_it(endpoint: FakeEndpoint) -> None:
    endpoint.answer = lambda body: "positive</Judgement>"
    arguments = {**arguments_for(endpoint, examples=2), "endpoint_prefill": True}
    assert evaluate(create_evaluation(SST2, arguments), arguments)["parse_rate"] == 1.0
    asked = endpoint.requests[-1]
    assert asked["messages"][-1] == {"role": "assistant", "content": "<Judgement>"}
    assert asked["continue_final_message"] is True


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, {"error": {"message": "bad key secret-key"}}, ("refuses the key", "bad key ***", "OPENAI_API_KEY")),
        (404, {"error": {"message": "no model small"}}, ("does not know the model small",)),
        (400, {"error": {"message": "context length exceeded"}}, ("context length exceeded",)),
        (429, {"error": {"message": "no quota"}}, ("no quota", "--endpoint-concurrency")),
        (200, {"hello": "world"}, ("no chat completion", "/v1")),
        (200, "not json", ("no chat completion", "/v1")),
    ],
    ids=["key", "model", "too-long", "quota", "not-openai", "not-json"],
)
def test_what_the_server_refuses_is_told(
    endpoint: FakeEndpoint, monkeypatch: pytest.MonkeyPatch, status: int, body: Any, expected: tuple[str, ...]
) -> None:
    monkeypatch.setattr(endpoint_subject, "RETRIES", 0)
    endpoint.failures = [(status, body, {})] * 3
    arguments = arguments_for(endpoint)
    directory = create_evaluation(SST2, arguments)
    with pytest.raises(SystemExit) as failed:
        evaluate(directory, arguments)
    assert failed.value.code == 2
    error = read_status(directory).error
    assert error is not None
    for text in expected:
        assert text in f"{error.message} {error.fix}"
    written = [path.read_text(errors="replace") for path in directory.path.rglob("*") if path.is_file()]
    assert not any("secret-key" in text for text in written)


def test_a_server_that_is_slow_or_gone_is_told(endpoint: FakeEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint_subject, "RETRIES", 0)
    endpoint.seconds = 0.5
    slow = {**arguments_for(endpoint), "endpoint_timeout": 0.1}
    gone = {**arguments_for(endpoint), "endpoint": "http://127.0.0.1:9/v1"}
    for arguments, expected in ((slow, "did not answer in time"), (gone, "cannot be reached")):
        directory = create_evaluation(SST2, arguments)
        with pytest.raises(SystemExit):
            evaluate(directory, arguments)
        error = read_status(directory).error
        assert error is not None
        assert expected in error.message


def test_names_and_urls_are_checked_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(ModelError, match="names no model"):
        endpoint_arguments("openai:")
    with pytest.raises(ModelError, match="OPENAI_API_KEY is not set"):
        endpoint_arguments("openai:gpt-4o")
    with pytest.raises(ModelError, match="not the URL"):
        endpoint_arguments("openai:x", url="localhost:8000")
    with pytest.raises(ModelError, match="password"):
        endpoint_arguments("openai:x", url="http://me:secret@host/v1")
    found = endpoint_arguments("openai:org/model", url="http://host/v1/chat/completions/")
    assert (found["endpoint"], found["endpoint_model"]) == ("http://host/v1", "org/model")


def test_eval_and_compare_from_the_command_line(
    endpoint: FakeEndpoint, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ("--task", "sst2", "--examples", "12", "--endpoint", endpoint.url)
    assert run_cli(["eval", "openai:small", *where, "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    asked = len(endpoint.requests)
    endpoint_b = "openai:large"
    assert run_cli(["compare", "openai:small", endpoint_b, *where, "--json"]) == 0
    compared = json.loads(capsys.readouterr().out)
    assert compared["predictions"][0] == first["predictions"], "the finished evaluation was used again"
    assert (compared["difference"], compared["n"]) == (0.0, 12)
    assert len(endpoint.requests) == asked + 13
    assert run_cli(["eval", "openai:small", "--task", "sst2", "--endpoint", "nowhere"]) == 2
    assert "not the URL" in capsys.readouterr().err
