"""A fine-tuned encoder that is evaluated: its answers as completions, kept and scored like a language model's."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from nlu_rl.encoder.model import load_encoder, load_encoder_tokenizer, most_tokens
from nlu_rl.encoder.rows import EncodedRows, collator
from nlu_rl.encoder.texts import form_of, require_same_answers
from nlu_rl.evaluation import fingerprint
from nlu_rl.evaluation.checkpoint import find_checkpoint
from nlu_rl.evaluation.predict import CHUNK_COMPLETIONS, Completion, Prediction, Progress, collect, settings_of
from nlu_rl.evaluation.subject import Subject
from nlu_rl.runs.jobs import read_job
from nlu_rl.runs.layout import open_run
from nlu_rl.runs.reporter import Reporter
from nlu_rl.tasks.base import DatasetTask
from nlu_rl.tasks.contract import Example, Task
from nlu_rl.tasks.registry import get_task


class EncoderSubject(Subject):
    """An encoder with its head, trained for one task; it also answers others with the same answers."""

    reads_demonstrations = False
    draws_answers = False

    def __init__(
        self, model: Any, tokenizer: Any, trained: DatasetTask, max_tokens: int, identity: Mapping[str, Any]
    ) -> None:
        self.model, self.tokenizer, self.trained, self.max_tokens = model, tokenizer, trained, max_tokens
        self.identity = identity

    def prepare(self, task: Task, examples: Sequence[Example], reporter: Reporter) -> None:
        """Refuse a task with other answers than the encoder was trained for."""
        require_same_answers(self.trained, task)  # type: ignore[arg-type]

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
        """As any subject; temperature, seed, samples and demonstrations change nothing."""
        shift, unit = getattr(self.model.config, "number_scale", (0.0, 1.0))
        form, asked = replace(form_of(task), shift=shift, unit=unit), task  # type: ignore[arg-type]
        unlabelled = [Example(example.id, example.fields, None) for example in examples]
        encoded = EncodedRows(asked, form, unlabelled, self.tokenizer, self.max_tokens)  # type: ignore[arg-type]
        pad = collator(form, self.tokenizer)
        order = sorted(range(len(examples)), key=lambda place: (encoded.length(place), place))
        chunks = [order[start : start + CHUNK_COMPLETIONS] for start in range(0, len(order), CHUNK_COMPLETIONS)]

        @torch.inference_mode()
        def complete(chunk: Sequence[int], report: Progress) -> list[Completion]:
            completions = []
            for start in range(0, len(chunk), 32):
                part = chunk[start : start + 32]
                batch = pad([encoded[place] for place in part]).to(self.model.device)
                outputs = self.model(**batch).logits.float().reshape(len(part), -1).tolist()
                completions += [
                    Completion(form.completion(scores), encoded.length(place))
                    for place, scores in zip(part, outputs, strict=True)
                ]
                report(len(completions) * samples, len(chunk) * samples)
            return [completion for completion in completions for _ in range(samples)]

        return collect(
            task,
            examples,
            list(range(len(examples))) if rows is None else list(rows),
            chunks,
            complete,
            samples=samples,
            settings={
                **settings_of(task, examples, shots, temperature, seed, samples),
                "prompt": fingerprint.of_prompt(task, examples),
                **self.identity,
            },
            out=out,
            progress=progress,
            should_stop=should_stop,
        )


def load_encoder_subject(arguments: Mapping[str, Any], reporter: Reporter) -> EncoderSubject:
    """Load the encoder of the job's `run` (with `checkpoint`).

    Raises:
        RunError: no such checkpoint. ModelError: it cannot be loaded.
    """
    reporter.state("loading")
    run = open_run(arguments["run"])
    asked = read_job(run).arguments
    folder = find_checkpoint(run, arguments.get("checkpoint"))
    trained = get_task(asked["task"])
    tokenizer = load_encoder_tokenizer(folder)
    model = load_encoder(folder, form_of(trained), 0, tokenizer).eval()
    if torch.cuda.is_available():
        model = model.to("cuda")
    identity = {"model": asked["model"], "weights": fingerprint.of_model(folder), "adapter": None}
    return EncoderSubject(model, tokenizer, trained, most_tokens(model, tokenizer, asked["max_tokens"]), identity)
