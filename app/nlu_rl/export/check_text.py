"""What proves an export, in words: the phases of its job, and the figures it ends with (light)."""

from collections.abc import Mapping
from typing import Any

MERGING, CHECKING, GGUF = "merging the adapter", "checking the export", "writing the GGUF file"
"""The phases the job reports."""
CHECKS = (
    "Every weight is base + adapter",
    "Base + adapter answers in float32",
    "Base + adapter answers in bfloat16",
    "The reloaded export agrees in float32",
    "The reloaded export gives the same answers",
)
"""The parts of the second, in the order of its progress; the last only where bfloat16 is usual."""


def figures(result: Mapping[str, Any]) -> list[str]:
    """Return the checks of a finished export, a line each."""
    kept = "" if result.get("kept_update") is None else f", {result['kept_update']:.0%} of the adapter's change kept"
    lines = [f"weights: {result['weights_checked']} adapted tensors are base + adapter in bfloat16{kept}"]
    if result.get("logit_rms") is not None:
        lines.append(
            f"logits differ by {result['logit_rms']:.4g} in root mean square (allowed "
            f"{result['logit_rms_allowed']:.4g}, {result['prompts']} prompts)"
        )
    lines += [
        f"answers the same: {result['same_answers']:.1%} of {result['rows']}; completions changed: "
        f"{result['changed_completions']}{', each a near tie' if result['changed_completions'] else ''}",
        f"score: adapter {result['score_adapter']:.3f}, export {result['score_export']:.3f} "
        f"(paired p = {result['p']:.2g})",
    ]
    if result.get("score_trained") is not None:
        lines.append(f"on the 4-bit base, as it was trained: {result['score_trained']:.3f}")
    if result.get("gguf"):
        lines.append(f"GGUF: {result['gguf_check']}")
    return lines
