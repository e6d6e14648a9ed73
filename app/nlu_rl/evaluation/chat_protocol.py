"""Talking to a loaded model: questions and answers as lines in the run directory of a `chat` job (light).

The asker appends to `questions.jsonl`, the worker to `answers.jsonl`: a line for the model as it was before training
(`side: before`) and one with the adapter (`side: after`), or one with `error` and `fix`. Both files stay.
"""

import os
from collections.abc import Mapping
from typing import Any

from nlu_rl import paths
from nlu_rl.errors import RunError
from nlu_rl.runs import control
from nlu_rl.runs.events import EventReader, append_line
from nlu_rl.runs.jobs import Job, launch
from nlu_rl.runs.layout import RunDirectory, create_run, open_run
from nlu_rl.runs.status import Status, process_started, read_status

QUESTIONS, ANSWERS = "questions.jsonl", "answers.jsonl"
SIDES = ("before", "after")


class Conversation:
    """The asker's end. `subject` as `evaluation.request.resolve_subject` returns it."""

    def __init__(self, subject: Mapping[str, Any]) -> None:
        self.subject = dict(subject)
        self.job: RunDirectory | None = None
        self.asked = 0
        self._answers: EventReader | None = None

    @property
    def sides(self) -> tuple[str, ...]:
        """A run answers twice, a model once."""
        return SIDES if self.subject.get("run") else SIDES[:1]

    @property
    def status(self) -> Status | None:
        return read_status(self.job) if self.job else None

    def start(self) -> None:
        """Launch the worker, which takes a while to load; questions may be asked at once.

        Raises:
            RunError: the disk refuses.
        """
        name = self.subject.get("run")
        root = open_run(name).path / "chat" if name else paths.runs_dir() / ".chat"
        asker = {"pid": os.getpid(), "started": process_started(os.getpid())}
        self.job = create_run(root, "chat", Job("chat", {**self.subject, "asker": asker}))
        self._answers = EventReader(self.job.path / ANSWERS)
        launch(self.job)

    def ask(
        self, task: str, fields: Mapping[str, str], gold: str | None = None, *, greedy: bool = True, seed: int = 1
    ) -> int:
        """Write a question down, for a new worker when the last one has ended, and return its number.

        Raises:
            RunError: the disk refuses.
        """
        status = self.status
        if status is None or not status.live:
            self.start()
        if self.job is None:
            raise RunError("There is nobody to ask.", "Start the conversation again.")
        self.asked += 1
        question = {"id": self.asked, "task": task, "fields": dict(fields), "gold": gold}
        append_line(self.job.path / QUESTIONS, {**question, "greedy": greedy, "seed": seed})
        return self.asked

    def answers(self) -> list[dict[str, Any]]:
        """Return what has been answered since the last call."""
        return self._answers.poll() if self._answers else []

    def close(self) -> None:
        """Let the worker go."""
        status = self.status
        if self.job is not None and status is not None and status.live:
            control.request(self.job, "stop")
