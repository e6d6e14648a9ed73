"""A model behind an OpenAI-compatible endpoint that is evaluated: the task's chat out, its answer in.

What is sent is the task's own chat, up to the assistant's turn; with prefill also its opening tag, as servers that can
go on with a turn (vLLM, SGLang) take it. Retries, their backoff and time limits are the openai library's. A server that
refuses an optional parameter is asked without it, and the run says so.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openai

from nlu_rl.errors import ModelError
from nlu_rl.evaluation import fingerprint
from nlu_rl.evaluation.predict import Completion, Prediction, Progress, collect, settings_of
from nlu_rl.evaluation.subject import Subject
from nlu_rl.runs.reporter import Reporter
from nlu_rl.tasks.contract import Example, Message, Task

CHUNK_ROWS = 32
"""Rows between two writes of the journal: what an interruption costs at most."""
RETRIES = 6
GARBLED_TRIES = 3
MAX_TOKENS = 256
_CONTINUE = {"continue_final_message": True, "add_generation_prompt": False}


class EndpointSubject(Subject):
    """Asks one row a request, several at a time."""

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self.url: str = arguments["endpoint"]
        self.model: str = arguments["endpoint_model"]
        self.prefill = bool(arguments.get("endpoint_prefill"))
        self.key_variable: str = arguments["endpoint_key"]
        self.concurrency = int(arguments["endpoint_concurrency"])
        self.options: dict[str, Any] = {"max_tokens": MAX_TOKENS, "temperature": 1.0, "seed": 0}
        self.client = openai.OpenAI(
            api_key=os.environ.get(self.key_variable) or "none",
            base_url=self.url,
            timeout=float(arguments["endpoint_timeout"]),
            max_retries=RETRIES,
        )
        self.identity = {"endpoint": self.url, "model": self.model, "prefill": self.prefill, "max_tokens": MAX_TOKENS}

    def prepare(self, task: Task, examples: Sequence[Example], reporter: Reporter) -> None:
        """Ask once, so that a wrong address, key or model shows before the first row; settle the parameters."""
        reporter.progress(f"asking {self.url}", 0, None)
        while True:
            try:
                self._ask(task.prompt(examples[0]), temperature=0.0, seed=0)
                return
            except openai.APIStatusError as error:
                refused = self._refused_option(error)
                if refused is None:
                    raise self._explained(error) from None
                self._give_up(refused, reporter)
            except openai.OpenAIError as error:
                raise self._explained(error) from None

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
        numbers = list(range(len(examples))) if rows is None else list(rows)
        places = list(range(len(examples)))
        chunks = [places[start : start + CHUNK_ROWS] for start in range(0, len(places), CHUNK_ROWS)]

        def answer(place: int, sample: int) -> Completion:
            draw = (seed * 1_000_003 + numbers[place] * 1009 + sample) % 2**31
            return self._ask(task.prompt(examples[place], shots), temperature=temperature, seed=draw)

        def complete(chunk: Sequence[int], report: Progress) -> list[Completion]:
            keys = [(place, sample) for place in chunk for sample in range(samples)]
            completions = []
            with ThreadPoolExecutor(self.concurrency) as pool:
                try:
                    for completion in pool.map(lambda key: answer(*key), keys):
                        completions.append(completion)
                        report(len(completions), len(keys))
                except openai.OpenAIError as error:
                    pool.shutdown(cancel_futures=True)
                    raise self._explained(error) from None
            return completions

        settings = {
            **settings_of(task, examples, shots, temperature, seed, samples),
            "prompt": fingerprint.of_prompt(task, examples),
            **self.identity,
        }
        return collect(
            task,
            examples,
            numbers,
            chunks,
            complete,
            samples=samples,
            settings=settings,
            out=out,
            progress=progress,
            should_stop=should_stop,
        )

    def _ask(self, messages: Sequence[Message], *, temperature: float, seed: int) -> Completion:
        values = {"temperature": temperature, "seed": seed}
        options = {name: values.get(name, value) for name, value in self.options.items()}
        sent: Any = list(messages if self.prefill else messages[:-1])
        if self.prefill:
            options["extra_body"] = _CONTINUE
        response: Any = None
        for _ in range(GARBLED_TRIES):
            try:
                response = self.client.chat.completions.create(model=self.model, messages=sent, **options)
                break
            except ValueError:  # it says it is JSON, and is not: an answer cut on its way, or always so
                continue
        choices = getattr(response, "choices", None)
        if not choices:
            raise ModelError(
                f"{self.url} answered with something that is no chat completion.",
                "Give the base URL of an OpenAI-compatible server; it usually ends in /v1.",
            )
        usage = response.usage
        return Completion(choices[0].message.content or "", usage.prompt_tokens if usage else 0)

    def _refused_option(self, error: openai.APIStatusError) -> str | None:
        """Return the optional parameter that the server's refusal names; None for any other refusal."""
        if error.status_code not in (400, 422):
            return None
        return next((name for name in self.options if name in str(error.message)), None)

    def _give_up(self, option: str, reporter: Reporter) -> None:
        value = self.options.pop(option)
        if option == "max_tokens":
            self.options["max_completion_tokens"] = value
        else:
            reporter.warning(f"The endpoint does not take '{option}': it is asked without.")

    def _explained(self, error: openai.OpenAIError) -> ModelError:
        """Return what to tell the user, without the key, which some servers repeat."""
        said = " ".join(str(getattr(error, "message", error)).split())
        said = said.replace(self.client.api_key, "***")[:300]
        if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
            return ModelError(f"{self.url} refuses the key ({said}).", f"Set {self.key_variable} to a valid key.")
        if isinstance(error, openai.NotFoundError):
            return ModelError(
                f"{self.url} does not know the model {self.model} ({said}).",
                "Correct openai:MODEL, or the URL: it usually ends in /v1.",
            )
        if isinstance(error, openai.APITimeoutError):
            return ModelError(
                f"{self.url} did not answer in time, {RETRIES + 1} times.", "Try again later; answers so far are kept."
            )
        if isinstance(error, openai.APIConnectionError):
            return ModelError(
                f"{self.url} cannot be reached ({error.__cause__ or said}).", "Check the URL and the server."
            )
        if isinstance(error, openai.RateLimitError):
            return ModelError(
                f"{self.url} still refuses for too many requests or no quota ({said}).",
                "Give the same command again later, or a smaller --endpoint-concurrency; answers so far are kept.",
            )
        return ModelError(f"{self.url} refuses the request: {said}.", "Correct it; answers so far are kept.")
