"""The chat job: a model that stays loaded and answers questions, with its adapter and without (heavy).

The adapter is switched off and on, so both answers come from one copy of the weights. A worker that nobody has asked
for a while, or whose asker was killed, ends by itself.
"""

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Any

from nlu_rl.errors import NluRlError
from nlu_rl.evaluation.chat_protocol import ANSWERS, QUESTIONS, SIDES
from nlu_rl.evaluation.policy_subject import PolicySubject, load_policy_subject
from nlu_rl.evaluation.predict import Prediction
from nlu_rl.models.chat import render_prompt
from nlu_rl.runs.events import EventReader, append_line
from nlu_rl.runs.layout import RunDirectory
from nlu_rl.runs.reporter import Reporter
from nlu_rl.runs.status import process_started
from nlu_rl.tasks.contract import Example
from nlu_rl.tasks.registry import get_task

IDLE_SECONDS = 900.0
POLL_SECONDS = 0.1
ASKER_SECONDS = 2.0


def run(run: RunDirectory, arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Answer what is written to the questions of `run`, until a stop is asked for or nobody asks any more.

    `arguments`: `run` (with `checkpoint`) or `model`; `asker`, the `pid` of who asks and when it `started`.

    Returns:
        `answered`, how many questions.
    """
    asker = _Asker(arguments.get("asker"))
    subject = load_policy_subject(arguments, reporter)
    reporter.state("evaluating")
    sides = SIDES if arguments.get("run") else SIDES[:1]
    questions, answered, last, checked = EventReader(run.path / QUESTIONS), 0, time.monotonic(), False
    while time.monotonic() - last < IDLE_SECONDS and asker.is_there():
        if "stop" in reporter.requested():
            reporter.acknowledge("stop")
            break
        reporter.progress("waiting for a question", answered, None)
        asked = questions.poll()
        for question in asked:
            try:
                if not checked:
                    subject.prepare(get_task(question["task"]), [_example(question)], reporter)
                    checked = True
                for side in sides:
                    append_line(run.path / ANSWERS, _answer(subject, question, side))
            except (NluRlError, KeyError) as error:
                append_line(run.path / ANSWERS, _refusal(question, error))
            answered, last = answered + 1, time.monotonic()
        if not asked:
            time.sleep(POLL_SECONDS)
    return {"answered": answered}


class _Asker:
    """The process that asks; one that is not named is taken to be there."""

    def __init__(self, named: Any) -> None:
        self._named = named if isinstance(named, Mapping) else {}
        self._looked = -ASKER_SECONDS

    def is_there(self) -> bool:
        now = time.monotonic()
        if not isinstance(self._named.get("pid"), int) or now - self._looked < ASKER_SECONDS:
            return True
        self._looked = now
        started = process_started(self._named["pid"])
        return started is not None and abs(started - self._named.get("started", 0.0)) < ASKER_SECONDS


def _answer(subject: PolicySubject, question: Mapping[str, Any], side: str) -> dict[str, Any]:
    """Return one side's answer to a question, judged when the right answer came with it."""
    task, example, started = get_task(question["task"]), _example(question), time.monotonic()
    with _adapter_off(subject) if side == "before" else contextlib.nullcontext():
        [prediction] = subject.predict(
            task,
            [example],
            temperature=0.0 if question.get("greedy", True) else 1.0,
            seed=int(question.get("seed") or 0),
        )
    return {
        "id": question["id"],
        "side": side,
        "task": task.name,
        "prompt": render_prompt(subject.policy.tokenizer, task.prompt(example)),
        "gold": example.gold,
        "seconds": time.monotonic() - started,
        **_reading(prediction),
    }


def _reading(prediction: Prediction) -> dict[str, Any]:
    scored = prediction.scored
    judged = {"reward": scored.reward, "parts": dict(scored.parts), "correct": scored.correct} if scored else {}
    return {
        "prompt_tokens": prediction.prompt_tokens,
        "completion": prediction.completion,
        "extracted": prediction.extracted.value,
        "how": prediction.extracted.how,
        **judged,
    }


def _refusal(question: Mapping[str, Any], error: Exception) -> dict[str, Any]:
    if isinstance(error, NluRlError):
        return {"id": question.get("id"), "error": error.message, "fix": error.fix}
    return {"id": question.get("id"), "error": f"The question lacks {error}.", "fix": "Fill in every field."}


def _example(question: Mapping[str, Any]) -> Example:
    return Example("question", question["fields"], question.get("gold") or None)


@contextlib.contextmanager
def _adapter_off(subject: PolicySubject) -> Iterator[None]:
    """Be the base model, where there is an adapter to switch off."""
    switch = getattr(subject.policy.model, "disable_adapter", None)
    with switch() if switch else contextlib.nullcontext():
        yield
