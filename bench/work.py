"""What a worker is told when it starts, and the rows both sides work on, as one JSON file a case.

Both environments read it, so nothing here imports the product or a heavy library.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

MANY_BATCHES = 1000
"""A worker trains until it is ended; its trainer is told of more batches than there will ever be."""


@dataclass(frozen=True)
class BenchRow:
    """One row: what the product makes of it, as text and as token ids."""

    id: str
    fields: dict[str, str]
    gold: str
    prompt: str
    """The chat template applied, ending in the assistant's opening tag."""
    prompt_ids: list[int]
    target: str
    target_ids: list[int]


@dataclass(frozen=True)
class Work:
    """One side of a case."""

    method: str
    """ppo, sft, grpo, few-shot or passages."""
    task: str
    model: str
    """Folder of the model."""
    dtype: str
    """float32 or bfloat16."""
    rows: list[BenchRow]
    shots: list[BenchRow] = field(default_factory=list)
    """Demonstrations, already part of the rows' prompts."""
    completions: int = 1
    """Completions of each row in one batch (G)."""
    max_new_tokens: int = 32
    checkpointing: bool = False
    """Gradient checkpointing of the peer."""
    learning_rate: float = 9.0e-6
    """Small, so that the last batch still samples what the first did."""
    rank: int = 16
    alpha: int = 32
    ppo_epochs: int = 4
    kl: float = 0.02
    seed: int = 1
    memory_limit_bytes: int | None = None
    """Most main memory the worker may take, so that one that asks for more fails alone."""
    folder: str = ""
    """Where the worker may write; removed afterwards."""

    @property
    def batch(self) -> int:
        return len(self.rows) * self.completions

    @property
    def row_tokens(self) -> int:
        """Tokens of one batch, each completion with its whole prompt, and with its answer where that is given."""
        answers = sum(len(row.target_ids) for row in self.rows) if self.method == "sft" else 0
        return sum(len(row.prompt_ids) for row in self.rows) * self.completions + answers


def write_work(work: Work, path: Path) -> None:
    path.write_text(json.dumps(asdict(work)), encoding="utf-8")


def read_work(argv: Sequence[str]) -> Work:
    """Return the work in the file that is a worker's only argument."""
    data = json.loads(Path(argv[1]).read_text(encoding="utf-8"))
    rows = [BenchRow(**row) for row in data.pop("rows")]
    shots = [BenchRow(**row) for row in data.pop("shots")]
    return Work(**data, rows=rows, shots=shots)
