"""About how long a step takes on a card, and what it costs, by arithmetic; nothing is measured (light).

Two terms: arithmetic, at a share of the card's peak in the compute type (TF32 is never turned on) that LoRA training of
such models reaches, and decoding, which reads every weight once a token. Of a small model both are shorter than
starting the kernels takes, which then counts. Rows are counted as if they shared no prefix, so long instructions cost
less than this says. A CPU's speed cannot be told from its name: there the first steps of a run say it.
"""

import re
from dataclasses import dataclass

from nlu_rl.models.memory import RunNumbers, weights_bytes
from nlu_rl.models.shape import ModelShape

UTILISATION = 0.35
"""Share of the peak arithmetic; assumed."""
BANDWIDTH_USED = 0.6
"""Share of the peak memory bandwidth while decoding; assumed."""
LAUNCH_SECONDS = 6e-6
KERNELS_A_LAYER = 60
"""What starting one kernel takes, and how many a layer with adapters has forward; merged, as it decodes, half as many,
backward twice as many. Assumed."""
_NF4_SLOWER = 1.6
"""4-bit weights are dequantized for every product; assumed."""


@dataclass(frozen=True, slots=True)
class CardSpeed:
    """Peak dense TFLOPS in bfloat16 (float16 where there is none) and in float32 without tensor cores, memory GB/s,
    and a usual price of an hour in USD."""

    tflops: float
    float32_tflops: float
    gigabytes_per_second: float
    usd_per_hour: float


SPEEDS = {
    "a100-80g": CardSpeed(312, 19.5, 2039, 1.9),
    "a100-40g": CardSpeed(312, 19.5, 1555, 1.3),
    "h100": CardSpeed(989, 67, 3350, 3.0),
    "h200": CardSpeed(989, 67, 4800, 3.8),
    "l40s": CardSpeed(362, 91.6, 864, 1.0),
    "a6000": CardSpeed(155, 38.7, 768, 0.6),
    "a10g": CardSpeed(70, 31.2, 600, 0.9),
    "rtx4090": CardSpeed(165, 82.6, 1008, 0.5),
    "rtx3090": CardSpeed(71, 35.6, 936, 0.25),
    "l4": CardSpeed(121, 30.3, 300, 0.7),
    "t4": CardSpeed(65, 8.1, 320, 0.35),
}
"""Published peaks; prices are round figures of late 2025, to be replaced by one's own."""

_MAKER_WORDS = frozenset({"nvidia", "tesla", "geforce"})
_FORM_WORDS = frozenset({"sxm", "sxm4", "sxm5", "hbm2", "hbm2e", "hbm3", "hbm3e"})
"""How the cards of SPEEDS are built; as PCIe or NVL an H100 or H200 is slower."""
_OTHER_NAMES = {"rtxa6000": "a6000", "a100pcie": "a100"}


@dataclass(frozen=True, slots=True)
class StepCost:
    step_seconds: float
    decode_seconds: float
    """Part of `step_seconds`."""
    usd_per_step: float


def speed_of(card: str) -> CardSpeed | None:
    """Return the speed of a card by its short name, or the one nvidia-smi gives it; None when it is not known.

    Every word must be known: a laptop's or a smaller card of nearly the same name is another card.
    """
    if card.lower() in SPEEDS:
        return SPEEDS[card.lower()]
    words = [word for word in re.split(r"[ -]+", card.lower()) if word and word not in _MAKER_WORDS]
    memory = next((word for word in words if re.fullmatch(r"\d+gb", word)), "")
    model = "".join(word for word in words if word != memory and word not in _FORM_WORDS)
    model = _OTHER_NAMES.get(model, model)
    return SPEEDS.get(model) or SPEEDS.get(f"{model}-{memory.removesuffix('b')}")


def step_cost(shape: ModelShape, numbers: RunNumbers, card: CardSpeed, usd_per_hour: float | None = None) -> StepCost:
    """Return the time and cost of one step, with all its PPO epochs.

    A token's forward pass takes 2 operations a weight; training LoRA 4, since the base has no gradient of its own.
    """
    completions = numbers.batch
    prompts = completions // numbers.group
    rows = prompts * numbers.prompt_tokens + completions * numbers.max_new_tokens
    scored = completions * numbers.row_tokens
    forward = 2 * shape.parameters
    launches = shape.layers * KERNELS_A_LAYER * LAUNCH_SECONDS
    # Sampled once, scored once by the reference, and forward and back in each epoch.
    reinforced = forward * rows * (2.0 + 2 * numbers.epochs)
    operations = 2.0 * forward * scored if numbers.method == "sft" else reinforced
    if numbers.gradient_checkpointing:
        operations *= 1.33
    peak = card.float32_tflops if numbers.compute_bytes == 4 else card.tflops
    seconds = operations / (peak * 1e12 * UTILISATION)
    if numbers.quantize == "nf4":
        seconds *= _NF4_SLOWER
    passes = 3 if numbers.method == "sft" else 2 + 3 * numbers.epochs
    seconds = max(seconds, passes * launches)
    decode = 0.0
    if numbers.method != "sft":
        read = weights_bytes(shape, numbers.quantize, numbers.compute_bytes)
        token = max(read / (card.gigabytes_per_second * 1e9 * BANDWIDTH_USED), launches / 2)
        decode = numbers.max_new_tokens * token
    price = card.usd_per_hour if usd_per_hour is None else usd_per_hour
    return StepCost(seconds + decode, decode, (seconds + decode) / 3600 * price)
