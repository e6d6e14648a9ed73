"""Proof that an exported folder is the model that was trained, on real rows of the run's tasks.

Compared with base + adapter are the weights (`weights.py`), the logits where answers are predicted, greedy answers (a
changed one must have been a near tie), and the score (by a paired test). Logits are compared in float32, where only the
weights can differ, and may differ by twice what computing in bfloat16 changes in base + adapter; each position's are
taken from their mean, as a shift of all of them together changes no probability. The folder is loaded anew, as anyone
would load it. One model is in memory at a time.
"""

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from nlu_rl.evaluation.paired import SIGNIFICANT, compare_paired
from nlu_rl.export.base import MergeInto
from nlu_rl.export.check_text import CHECKING
from nlu_rl.export.merge import held, weight_count
from nlu_rl.export.probes import Answers, Probe, TaskRow, answer_logits, changed_gaps, greedy_answers, make_probes
from nlu_rl.export.weights import FolderWeights, WeightCheck, check_weights
from nlu_rl.models.fetch import model_folder
from nlu_rl.models.four_bit import DequantizedWeights
from nlu_rl.models.load import LoadedModel, Precision, load_model, pick_device, pick_dtype
from nlu_rl.models.lora import load_adapter
from nlu_rl.models.quantized import Quantization
from nlu_rl.policy.policy import Policy
from nlu_rl.policy.self_check import check_packed_path

PROMPTS = 8
"""Rows on which logits are compared; answers and scores take all rows."""
Phase = Callable[[str, int, int], None]


@dataclass(slots=True)
class Agreement:
    """What the comparisons gave; `problems` is empty when the export is what was trained."""

    max_logit_difference: float
    """Largest difference of a logit between the export and base + adapter, both in float32."""
    tolerance: float
    """Twice the largest difference between base + adapter in bfloat16 and in float32; what a near tie is."""
    logit_rms: float
    """Root mean square of the export's logits against base + adapter, both in float32."""
    logit_rms_allowed: float
    """Twice that of base + adapter in bfloat16 against float32."""
    same_answers: float
    """Share of rows with the same answer read out of both completions."""
    changed_completions: int
    largest_changed_gap: float
    score_adapter: float
    score_export: float
    p: float
    weight_error: float
    """Largest deviation of a saved weight, in units of what rounding explains; more than 1 is a fault."""
    weights_checked: int
    """Adapted tensors."""
    kept_update: float | None
    """Share of the adapter's change that survives rounding the weights to bfloat16."""
    prompts: int
    rows: int
    score_trained: float | None = None
    """Of base + adapter as it was trained, in 4 bits, where the export is on the original weights."""
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Compared:
    """Both models' output. Logits are (positions, V); `gaps` see `changed_gaps`."""

    trained: Answers
    exported: Answers
    gaps: list[float]
    exact: torch.Tensor
    """Base + adapter in float32."""
    rounded: torch.Tensor
    """Base + adapter in bfloat16."""
    got: torch.Tensor
    """The export in float32."""
    same_prompts: bool
    """Whether the exported tokenizer and template encode every prompt as the base's do."""
    weights: WeightCheck


class _Models:
    """Loads base + adapter and the export, one at a time, and knows what they are asked."""

    def __init__(
        self,
        folder: Path,
        reference: str,
        adapter_dir: Path,
        rows: Sequence[TaskRow],
        max_new_tokens: int,
        base_held: Quantization,
    ) -> None:
        self._names = {True: str(folder), False: reference}
        self._base_held = base_held
        self._adapter_dir = adapter_dir
        self._rows = rows
        self._max_new_tokens = max_new_tokens
        self._packed: bool | None = None
        self.probes: list[Probe] = []
        self.same_prompts = True

    def policy(self, exported: bool, precision: Precision, base_held: Quantization | None = None) -> Policy:
        """Load one of the two. The first load encodes the probes and finds out which path of the engine fits.

        `base_held` replaces how the base is held.
        """
        _free()
        loaded = _load(self._names[exported], precision, "none" if exported else base_held or self._base_held)
        policy = Policy(loaded.model if exported else load_adapter(loaded, self._adapter_dir), loaded.tokenizer)
        probes = make_probes(policy, self._rows, self._max_new_tokens)
        if self._packed is None:
            self.probes = probes
            check_packed_path(policy, [probe.prompt for probe in probes[:2]], [probe.target for probe in probes[:2]])
            self._packed = policy.packed
        policy.packed = self._packed
        self.same_prompts = self.same_prompts and probes == self.probes
        return policy

    def few_probes(self) -> list[Probe]:
        """Return the probes for logits, from all over the rows."""
        return self.probes[:: max(1, len(self.probes) // PROMPTS)][:PROMPTS]


def verify_export(
    folder: Path,
    reference: str,
    adapter_dir: Path,
    rows: Sequence[TaskRow],
    max_new_tokens: int,
    phase: Phase,
    *,
    merged_in: Precision = "float32",
    into: MergeInto = "original",
    trained: Quantization = "none",
) -> Agreement:
    """Compare the model in `folder` with base + adapter.

    Args:
        into: which weights of the base the adapter went into; the comparison is with those.
        trained: how the base was held in training. Where it was otherwise, the score of that is measured, too.
        phase: called with what is being done, its number and their count; may raise to break off.
        merged_in: the precision of the sum.
    """
    usual: Precision = "float32" if pick_dtype("auto", pick_device()) == torch.float32 else "bfloat16"
    steps: list[tuple[bool, Precision]] = [(False, "float32"), (False, "bfloat16"), (True, "float32")]
    if usual != "float32":
        steps.append((True, usual))
    phase(CHECKING, 0, len(steps) + 1)
    base = _base_weights(reference, into, merged_in)
    weights = check_weights(folder, base, adapter_dir, merged_in_bfloat16=merged_in != "float32")
    del base
    models = _Models(folder, reference, adapter_dir, rows, max_new_tokens, held(into))
    answers: dict[bool, Answers] = {}
    logits: dict[tuple[bool, Precision], torch.Tensor] = {}
    for number, (exported, precision) in enumerate(steps, start=1):
        phase(CHECKING, number, len(steps) + 1)
        policy = models.policy(exported, precision)
        if (exported, precision) != (True, "bfloat16"):
            logits[exported, precision] = answer_logits(policy, models.few_probes())
        if precision == usual:
            answers[exported] = greedy_answers(policy, models.probes, max_new_tokens)
        del policy
    gaps: list[float] = []
    if answers[False].ids != answers[True].ids:
        gaps = changed_gaps(models.policy(False, usual), models.probes, answers[False], answers[True])
        _free()
    compared = Compared(
        answers[False],
        answers[True],
        gaps,
        exact=logits[False, "float32"],
        rounded=logits[False, "bfloat16"],
        got=logits[True, "float32"],
        same_prompts=models.same_prompts,
        weights=weights,
    )
    agreement = judge(models.probes, compared)
    if held(into) != trained:
        as_trained = greedy_answers(models.policy(False, usual, trained), models.probes, max_new_tokens)
        _free()
        agreement.score_trained = _scores(models.probes, as_trained, answers[True])[0]
    return agreement


def _base_weights(reference: str, into: MergeInto, precision: Precision) -> Mapping[str, torch.Tensor]:
    """Return the tensors of the base that the adapter was added to."""
    if into == "original":
        return FolderWeights(model_folder(reference, fetch=True))
    loaded = load_model(reference, quantize="nf4", precision=precision, device=torch.device("cpu"))
    return DequantizedWeights(loaded.model)


def judge(probes: Sequence[Probe], compared: Compared) -> Agreement:
    """Put the comparisons together. A number that is not finite is a problem, too."""
    off, rounding = _apart(compared.got, compared.exact), _apart(compared.rounded, compared.exact)
    difference, tolerance = float(off.abs().max()), 2 * float(rounding.abs().max())
    # The largest of millions of logits is an outlier; whether two models agree is said by the root mean square.
    spread, allowed = _rms(off), 2 * _rms(rounding)
    gap = max(compared.gaps, default=0.0)
    score_adapter, score_export, p = _scores(probes, compared.trained, compared.exported)
    problems = []
    if not compared.same_prompts:
        problems.append("its tokenizer or chat template encodes prompts differently")
    if not compared.weights.error <= 1:
        problems.append(f"its weights are not base + adapter (the most so in {compared.weights.where})")
    if not spread <= allowed:
        problems.append(f"logits differ by {spread:.4g} in root mean square (allowed {allowed:.4g})")
    if not gap <= tolerance:
        problems.append(f"an answer changed that was no near tie (logits {gap:.4g} apart, allowed {tolerance:.4g})")
    if p <= SIGNIFICANT:
        problems.append(f"the score went from {score_adapter:.4f} to {score_export:.4f} (p = {p:.2g})")
    same = [
        probe.task.extract(a).value == probe.task.extract(b).value
        for probe, a, b in zip(probes, compared.trained.texts, compared.exported.texts, strict=True)
    ]
    return Agreement(
        max_logit_difference=difference,
        tolerance=tolerance,
        logit_rms=spread,
        logit_rms_allowed=allowed,
        same_answers=sum(same) / len(same),
        changed_completions=len(compared.gaps),
        largest_changed_gap=gap,
        score_adapter=score_adapter,
        score_export=score_export,
        p=p,
        weight_error=compared.weights.error,
        weights_checked=compared.weights.tensors,
        kept_update=compared.weights.kept,
        prompts=min(PROMPTS, len(probes)),
        rows=len(probes),
        problems=problems,
    )


def _apart(logits: torch.Tensor, exact: torch.Tensor) -> torch.Tensor:
    """Return the difference (positions, V), without the shift that all logits of a position share."""
    difference = (logits - exact).float()
    return difference - difference.mean(-1, keepdim=True)


def _rms(difference: torch.Tensor) -> float:
    return float(difference.square().mean().sqrt())


def _scores(probes: Sequence[Probe], trained: Answers, exported: Answers) -> tuple[float, float, float]:
    """Return the mean of the tasks' main metrics for both, and the smallest paired p, corrected for their number."""
    by_task: dict[str, list[int]] = {}
    for i, probe in enumerate(probes):
        by_task.setdefault(probe.task.name, []).append(i)
    results = []
    for places in by_task.values():
        task = probes[places[0]].task
        a = [(probes[i].example, task.score(probes[i].example, trained.texts[i])) for i in places]
        b = [(probes[i].example, task.score(probes[i].example, exported.texts[i])) for i in places]
        results.append(compare_paired(task, a, b, seed=0))
    count = len(results)
    p = min(1.0, count * min(result.p for result in results))
    return sum(r.score_a for r in results) / count, sum(r.score_b for r in results) / count, p


def _load(reference: str, precision: Precision, quantize: Quantization) -> LoadedModel:
    """Load in this precision; on the CPU when the card has no room for the float32 reference."""
    device = pick_device()
    if device.type == "cuda" and precision == "float32":
        free_bytes, _ = torch.cuda.mem_get_info(device)
        if weight_count(model_folder(reference, fetch=True)) * 4 * 1.2 > free_bytes:
            device = torch.device("cpu")
    return load_model(reference, quantize=quantize, precision=precision, device=device)


def _free() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
