"""What can be evaluated, and how each kind answers: a language model, a fine-tuned encoder, an endpoint.

Light: the module of a kind is imported when one of that kind is asked for.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from nlu_rl.evaluation.predict import Prediction, Progress
from nlu_rl.runs.jobs import read_job
from nlu_rl.runs.layout import open_run
from nlu_rl.runs.reporter import Reporter
from nlu_rl.tasks.contract import Example, Task


class Subject(ABC):
    """Answers rows of a task. `identity` is what its predictions depend on, for the settings beside them."""

    identity: Mapping[str, Any]
    reads_demonstrations: ClassVar[bool] = True
    draws_answers: ClassVar[bool] = True
    """Whether a temperature means anything."""

    def prepare(self, task: Task, examples: Sequence[Example], reporter: Reporter) -> None:  # noqa: B027
        """Check, before the first answer, whatever can be checked on a few rows."""

    @abstractmethod
    def predict(
        self,
        task: Task,
        examples: Sequence[Example],
        *,
        temperature: float,
        seed: int,
        shots: Sequence[Example] = (),
        samples: int = 1,
        out: Path | None = None,
        rows: Sequence[int] | None = None,
        progress: Progress | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> list[Prediction]:
        """Return predictions as `predict.predict` does."""


def load_subject(arguments: Mapping[str, Any], reporter: Reporter) -> Subject:
    """Load what the job's `run` (with `checkpoint`), `model` or `endpoint` names.

    Raises:
        RunError: no such run or checkpoint.
        ModelError: the model cannot be found or loaded.
    """
    if arguments.get("endpoint"):
        from nlu_rl.evaluation.endpoint_subject import EndpointSubject

        return EndpointSubject(arguments)
    if arguments.get("run") and read_job(open_run(arguments["run"])).kind == "encoder":
        from nlu_rl.encoder.subject import load_encoder_subject

        return load_encoder_subject(arguments, reporter)
    from nlu_rl.evaluation.policy_subject import load_policy_subject

    return load_policy_subject(arguments, reporter)
