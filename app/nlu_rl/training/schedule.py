"""The learning-rate schedule: linear warm-up, then a cosine down to a floor (paper, experimental set-up). Pure."""

import math


def learning_rate_scale(step: int, total: int, warmup: float, floor: float) -> float:
    """Return the share of the peak learning rate at a step.

    Args:
        step: from 0.
        total: number of steps.
        warmup: share of the steps that warm up; the first of them already moves, at 1 / warm-up steps.
        floor: share of the peak reached at the last step.
    """
    warmup_steps = round(total * warmup)
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    progress = min(1.0, (step - warmup_steps) / max(1, total - 1 - warmup_steps))
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * progress))
