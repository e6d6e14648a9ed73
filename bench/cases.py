"""The cases: what of ours against what of theirs, on how many rows. Keys are fixed; programs read them.

The peer's limit of new tokens is what changes between a peer as it comes and one tuned by hand; ours keeps the limit of
32 in both, since a row of ours ends at its answer.
"""

from dataclasses import dataclass
from pathlib import Path

from bench.workers import PEERS_PYTHON, PRODUCT_PYTHON

PAIRS = 5
QUICK_PAIRS = 3
FEW_SHOT_ROWS = 200
QUICK_FEW_SHOT_ROWS = 32
PASSAGES = 2
QUICK_PASSAGES = 1


@dataclass(frozen=True)
class Case:
    """One comparison."""

    key: str
    title: str
    ours: str
    """The method: ppo, sft, grpo, few-shot or passages."""
    peer: str
    """The module of the peer's worker."""
    python: Path = PRODUCT_PYTHON
    rows: int = 16
    completions: int = 1
    peer_new_tokens: int = 32
    checkpointing: bool = False
    """Gradient checkpointing of the peer."""
    memory_key: str | None = None
    """Under which key the ratio of the peak memories is written as well."""
    quick: bool = True
    """Whether the quick benchmark has it."""


_TRL_PPO = "bench.peers.trl_ppo"
_TRL_GRPO = "bench.peers.trl_grpo"
_TRL_SFT = "bench.peers.trl_sft"

CASES = (
    Case("ppo_vs_trl_ppo", "PPO, 16 rows, 4 epochs, against TRL 1.12", "ppo", _TRL_PPO, PEERS_PYTHON),
    Case(
        "ppo_vs_trl_ppo_tuned",
        "the same, TRL tuned by hand to 8 new tokens",
        "ppo",
        _TRL_PPO,
        PEERS_PYTHON,
        peer_new_tokens=8,
        quick=False,
    ),
    Case("ppo_vs_trl_sft", "our whole PPO batch against TRL's SFT batch of the same 16 rows", "ppo", _TRL_SFT),
    Case(
        "grpo_vs_trl_grpo",
        "GRPO, 8 prompts x 8 completions, against TRL 1.16",
        "grpo",
        _TRL_GRPO,
        rows=8,
        completions=8,
        memory_key="grpo_peak_memory",
    ),
    Case(
        "grpo_vs_trl_grpo_tuned",
        "the same, TRL tuned by hand to 8 new tokens",
        "grpo",
        _TRL_GRPO,
        rows=8,
        completions=8,
        peer_new_tokens=8,
        quick=False,
    ),
    Case(
        "grpo_vs_trl_grpo_checkpointed",
        "the same, 32 new tokens, TRL with its default gradient checkpointing (slower, smaller)",
        "grpo",
        _TRL_GRPO,
        rows=8,
        completions=8,
        checkpointing=True,
        memory_key="grpo_peak_memory_checkpointed",
        quick=False,
    ),
    Case("sft_vs_trl_sft", "SFT, 16 rows, against TRL 1.16", "sft", _TRL_SFT),
    Case(
        "few_shot_eval_vs_generate",
        "few-shot evaluation, 5 demonstrations, against transformers' generate in batches of 16",
        "few-shot",
        "bench.peers.generate",
        rows=FEW_SHOT_ROWS,
    ),
    Case(
        "multirc_eval_vs_generate",
        "MultiRC evaluation, every answer to every question about average passages, against generate in batches of 16",
        "passages",
        "bench.peers.generate",
    ),
)


def pick_cases(names: list[str] | None, *, quick: bool) -> list[Case]:
    """Return the cases of these keys (a memory key stands for its case), or those of the benchmark.

    Raises:
        ValueError: an unknown key; the message lists the known ones.
    """
    if not names:
        return [case for case in CASES if case.quick or not quick]
    known = {key: case for case in CASES for key in (case.key, case.memory_key) if key}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"There is no case '{unknown[0]}'. Known: {', '.join(known)}.")
    return list(dict.fromkeys(known[name] for name in names))
