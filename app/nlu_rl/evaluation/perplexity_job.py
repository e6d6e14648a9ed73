"""The evaluate job for WikiText-2 (heavy): window after window through the model, each written as it is done."""

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from nlu_rl.errors import DataError, RecipeError, RunError
from nlu_rl.evaluation import fingerprint
from nlu_rl.evaluation.journal import read_settings
from nlu_rl.evaluation.perplexity import (
    METRIC,
    TASK,
    WINDOW,
    Scored,
    Window,
    ground_of,
    perplexity,
    perplexity_interval,
    text_of,
    windows,
)
from nlu_rl.evaluation.policy_subject import PolicySubject, load_policy_subject
from nlu_rl.policy.backbone import Backbone
from nlu_rl.policy.policy import inference_mode
from nlu_rl.runs.events import append_line
from nlu_rl.runs.files import disk_error, write_json
from nlu_rl.runs.layout import RunDirectory
from nlu_rl.runs.reporter import Reporter

WINDOWS_FILE = "windows.jsonl"
LOGIT_POSITIONS = 512
"""Positions whose logits are held at once."""


def run(run: RunDirectory, arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Measure the perplexity of a run or a model; what an interrupted measurement has done is kept.

    `arguments`: see `perplexity_arguments`.

    Returns:
        The keys `nlu-rl eval --json` prints for any task, those of answers being null; empty when it was stopped.
    """
    started = time.monotonic()
    text = text_of(arguments)
    subject = load_policy_subject(arguments, reporter)
    window, stride = _sizes(subject, arguments)
    ids: list[int] = subject.policy.tokenizer(text, verbose=False)["input_ids"]
    planned = windows(len(ids), window, stride)[: arguments.get("examples")]
    if not planned:
        raise DataError("The text has fewer than two tokens, so there is nothing to predict.", "Give a longer text.")
    reporter.state("evaluating")
    settings = {**ground_of(text), **subject.identity, "window": window, "stride": stride}
    path = run.path / WINDOWS_FILE
    parts = _resume(path, settings, planned)
    for place in planned[len(parts) :]:
        if "stop" in reporter.requested():
            reporter.acknowledge("stop")
            return {}
        parts.append(Scored(place.end - place.first, window_nll(subject.policy.backbone, ids, place)))
        append_line(path, {**place._asdict(), **parts[-1]._asdict()})
        reporter.progress("measuring perplexity", len(parts), len(planned))
    seed, value = int(arguments.get("seed") or 0), perplexity(parts)
    count = sum(part.tokens for part in parts)
    reporter.event("evaluation", task=TASK, scores={METRIC: value}, n=count)
    return {
        "task": TASK,
        "n": count,
        "seed": seed,
        "scores": {METRIC: value},
        "intervals": {METRIC: perplexity_interval(parts, seed)} if len(parts) > 1 else {},
        "parse_rate": None,
        "parse_rate_lenient": None,
        "predictions": str(path),
        "metric": METRIC,
        "window": window,
        "stride": stride,
        "windows": len(parts),
        "precision": str(subject.policy.backbone.dtype).removeprefix("torch."),
        "tokens": len(ids),
        "split": arguments.get("split"),
        "data": arguments.get("data"),
        "subject": arguments.get("run") or arguments.get("model"),
        "seconds": time.monotonic() - started,
    }


def window_nll(backbone: Backbone, ids: Sequence[int], place: Window) -> float:
    """Return the sum of the negative log-likelihoods of a window's scored tokens, in nats."""
    tokens = torch.tensor(ids[place.begin : place.end], device=backbone.device)[None]  # (1, L)
    with torch.no_grad(), inference_mode(backbone.trunk):
        hidden = backbone.hidden(
            input_ids=tokens,
            attention_mask=torch.ones_like(tokens),
            position_ids=torch.arange(tokens.shape[1], device=backbone.device)[None],
            use_cache=False,
        ).last_hidden_state[0]  # (L, hidden size)
    total = 0.0
    for start in range(place.first - place.begin, tokens.shape[1], LOGIT_POSITIONS):
        end = min(start + LOGIT_POSITIONS, tokens.shape[1])
        with torch.no_grad():
            logits = backbone.logits(hidden[start - 1 : end - 1])  # (t, V)
        total += float(torch.nn.functional.cross_entropy(logits, tokens[0, start:end], reduction="sum"))
    return total


def _sizes(subject: PolicySubject, arguments: dict[str, Any]) -> tuple[int, int]:
    """Return window and stride for this model."""
    config = subject.policy.backbone.config
    context = getattr(config, "max_position_embeddings", None) or getattr(config, "max_seq_len", None)
    window = arguments.get("window") or min(WINDOW, context or WINDOW)
    if context is not None and window > context:
        raise RecipeError(
            f"Windows of {window} tokens do not fit the model's context of {context}.", f"Give --window {context}."
        )
    stride = arguments.get("stride") or window
    if stride > window:
        raise RecipeError(
            f"With windows of {window} tokens, {stride} tokens apart, some of the text would not be read.",
            f"Give a --stride of at most {window}.",
        )
    return window, stride


def _resume(path: Path, settings: dict[str, Any], planned: Sequence[Window]) -> list[Scored]:
    """Return the windows that are done, and cut the file after the last whole one.

    Raises:
        RunError: the folder holds windows of other settings, or the disk refuses.
    """
    plain = json.loads(json.dumps(settings))
    earlier = read_settings(path.parent)
    try:
        if earlier is None and not path.exists():
            write_json(path.with_name("settings.json"), {"fingerprint": fingerprint.of_value(plain), "settings": plain})
        elif earlier != plain:
            changed = ", ".join(fingerprint.differences(earlier or {}, plain)) or "settings.json"
            raise RunError(
                f"{path.parent} holds a measurement made under other settings (different: {changed}).",
                "Start a new evaluation; the earlier one is kept.",
            )
        done: list[Scored] = []
        position = 0
        for raw in path.read_bytes().splitlines(keepends=True) if path.exists() else ():
            part = _parsed(raw, planned[len(done)]) if len(done) < len(planned) else None
            if part is None:
                break
            done.append(part)
            position += len(raw)
        if path.exists():
            os.truncate(path, position)
    except OSError as error:
        raise disk_error(error, f"write the windows to {path}") from None
    return done


def _parsed(raw: bytes, place: Window) -> Scored | None:
    """Return a line's window, if it is whole and the planned one."""
    try:
        line = json.loads(raw) if raw.endswith(b"\n") else {}
        if [line["begin"], line["end"], line["first"]] == list(place):
            return Scored(int(line["tokens"]), float(line["nll"]))
    except (ValueError, KeyError, TypeError):
        pass
    return None
