"""The policy: a model and its tokenizer behind `sample()` and `score()`, on the packed path unless it proves unfit.

Micro-batches are cut by token budget and never change a result beyond rounding: a sample depends on its row's own
draws, and a sum over rows is the same however it is grouped.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.nn.functional import pad
from torch.utils.checkpoint import checkpoint

from nlu_rl.models.lora_linear import merged_for_sampling
from nlu_rl.policy.attention import SharedPrefix
from nlu_rl.policy.backbone import Backbone
from nlu_rl.policy.decoding import Drawing, Rollout, Started, Stopping, decode, follow, gather_states
from nlu_rl.policy.draws import Draws
from nlu_rl.policy.packed import packed_scores
from nlu_rl.policy.padded import padded_prefill, padded_scores
from nlu_rl.policy.prompt_states import PromptStates
from nlu_rl.policy.scores import Scores
from nlu_rl.policy.trie import Ints, common_prefix, split_by_budget

logger = logging.getLogger(__name__)

STOP = "</Judgement>"
DEFAULT_TOKENS = 4096
CACHE_BYTES = {"cpu": 1 << 30, "cuda": 8 << 30}
"""Most memory for the keys and values of the rows that are decoded together."""
Prompts = Sequence[Sequence[int]]
ONE_TOKEN = [[0]]
"""What a pass without rows computes."""


@contextmanager
def inference_mode(model: torch.nn.Module) -> Iterator[None]:
    """Leave training mode for a while: gradient checkpointing would drop the key-value cache."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


class Policy:
    """Samples completions and scores them.

    `packed` says which path is used; `max_tokens` is the token budget of one forward pass, `max_cache_bytes` that of
    the keys and values while decoding.
    """

    def __init__(self, model: torch.nn.Module, tokenizer: Any, *, max_tokens: int | None = None) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.backbone = Backbone(model)
        self.packed = self.backbone.takes_positions
        self.max_tokens = max_tokens or DEFAULT_TOKENS
        self.max_cache_bytes = CACHE_BYTES[self.backbone.device.type]

    @torch.no_grad()
    def sample(
        self,
        prompts: Prompts,
        *,
        n: int = 1,
        temperature: float = 1.0,
        stop: str = STOP,
        max_new_tokens: int = 32,
        draws: Draws,
        progress: Callable[[int, int], None] | None = None,
        likely: Sequence[Prompts] = (),
        states: PromptStates | None = None,
    ) -> Rollout:
        """Sample `n` completions of each prompt, without gradient.

        Args:
            prompts: P rows of token ids.
            temperature: 0 is greedy.
            likely: for each prompt, completions to expect: of one that has begun the rest is read in one pass, not
                token by token. They change no sample, beyond rounding, and the padded path leaves them out.
            states: what `read_prompts` made of these prompts, if it did.
            progress: called with the completions done and their number.

        Returns:
            P * n completions, prompt by prompt.
        """
        stopping = Stopping(stop, self._end_tokens(), max_new_tokens)
        drawing = Drawing(self.backbone, self.tokenizer, stopping, temperature, draws, len(prompts), n)
        done = 0
        with inference_mode(self.model), ExitStack() as merging, self.backbone.as_many_passes():
            if states is None:  # states that were given are not of merged weights
                merging.enter_context(merged_for_sampling(self.model))
            for group in self._groups(prompts, n, max_new_tokens) if states is None else [range(len(prompts))]:
                rows = np.concatenate([np.arange(i * n, i * n + n) for i in group])
                if not self.packed:
                    self._sample_padded(prompts, group, rows, drawing)
                else:
                    held = states or PromptStates(self.backbone, [prompts[i] for i in group])
                    left, read = follow(drawing, held, rows, prompts, likely)
                    if len(left):
                        if states is not None:
                            merging.enter_context(merged_for_sampling(self.model))
                        self._sample_rest(left, read, held, drawing)
                done += len(rows)
                if progress:
                    progress(done, len(prompts) * n)
        return drawing.rollout

    def read_prompts(self, prompts: Prompts, *, n: int = 1, max_new_tokens: int = 32) -> PromptStates | None:
        """Run the prompts once, for sampling from them and for scoring what was sampled.

        Differentiable, and good until the weights change. `None` where the prompts and their completions might not
        fit one pass, nothing can be kept, or the passes of processes must be alike: then `sample` and `score` each
        run the prompts themselves.
        """
        rows = [prompt for prompt in prompts for _ in range(n)]
        longest = [[-row] * (max_new_tokens + 1) for row in range(len(rows))]  # the most there could be: all differ
        one_pass = self.packed and not self.backbone.sharded and len(self.micro_batches(rows, longest)) == 1
        if not one_pass or getattr(self.model, "is_gradient_checkpointing", False):
            return None
        return PromptStates(self.backbone, prompts)

    def score(
        self,
        prompts: Prompts,
        completions: Prompts,
        *,
        temperature: float = 1.0,
        value_head: torch.nn.Module | None = None,
        states: PromptStates | None = None,
    ) -> Scores:
        """Score B completions of B prompts (repeat a prompt for each of its completions).

        Differentiable; several micro-batches are computed again in the backward pass, so that the activations of one
        at a time are held. Use `micro_batches` and `score_together` to run backward on each in turn instead.

        Returns:
            Scores of shape (B, T), T the longest completion.
        """
        if states is not None:
            return self.score_together(
                prompts, completions, temperature=temperature, value_head=value_head, states=states
            )
        width = max((len(completion) for completion in completions), default=1)
        parts = []
        order: list[int] = []
        groups = self.micro_batches(prompts, completions)
        for group in groups:
            together = partial(
                self.score_together,
                [prompts[i] for i in group],
                [completions[i] for i in group],
                temperature=temperature,
                value_head=value_head,
            )
            if len(groups) > 1 and torch.is_grad_enabled():
                parts.append(checkpoint(together, use_reentrant=False, preserve_rng_state=False))
            else:
                parts.append(together())
            order.extend(group)
        back = torch.tensor(np.argsort(order), device=self.backbone.device)

        def join(name: str) -> torch.Tensor:
            columns = [getattr(part, name) for part in parts]
            return torch.cat([pad(column, (0, width - column.shape[1])) for column in columns])[back]

        return Scores(
            log_probs=join("log_probs"),
            entropy=join("entropy"),
            mask=join("mask"),
            values=join("values") if value_head is not None else None,
        )

    def micro_batches(self, prompts: Prompts, completions: Prompts) -> list[list[int]]:
        """Return groups of row indices, each within the token budget, rows that share a beginning together.

        At least one, and of a model that is cut up as many as the process with the most has: the last may be empty.
        """
        sequences = [[*prompt, *completion[:-1]] for prompt, completion in zip(prompts, completions, strict=True)]
        if self.packed:
            groups = split_by_budget(sequences, self.max_tokens)
        else:
            groups = list(self._padded_groups(sequences, len(sequences)))
        missing = self.backbone.most(max(1, len(groups))) - len(groups)
        return groups + [[] for _ in range(missing)]

    def score_together(
        self,
        prompts: Prompts,
        completions: Prompts,
        *,
        temperature: float = 1.0,
        value_head: torch.nn.Module | None = None,
        states: PromptStates | None = None,
    ) -> Scores:
        """Score rows in one forward pass, whatever their number; of none, a pass whose gradient is 0."""
        run = partial(packed_scores, states=states) if self.packed and prompts else padded_scores
        scored, answers = (prompts, completions) if prompts else (ONE_TOKEN, ONE_TOKEN)
        scores = run(self.backbone, scored, answers, temperature=temperature, value_head=value_head)
        return scores if prompts else scores.none()

    def _sample_rest(self, rows: Ints, read: Sequence[Ints], states: PromptStates, drawing: Drawing) -> None:
        """Decode rows token by token, after the nodes that each has read; as many at once as their cache allows."""
        length = common_prefix([path.tolist() for path in read])  # of what all share, a single copy
        shared = SharedPrefix(states.keys_and_values(read[0][:length])) if length else None
        longest = max(len(path) for path in read) - length + drawing.stopping.max_new_tokens
        at_once = self._rows_at_once(longest)
        for start in range(0, len(rows), at_once):
            paths = read[start : start + at_once]
            _, firsts, of_row = np.unique([path[-1] for path in paths], return_index=True, return_inverse=True)
            layers, mask = gather_states(states, [paths[first][length:] for first in firsts])
            decode(drawing, Started(rows[start : start + at_once], of_row.reshape(-1), layers, mask, shared))

    def _sample_padded(self, prompts: Prompts, group: Sequence[int], rows: Ints, drawing: Drawing) -> None:
        hidden, layers, mask = padded_prefill(self.backbone, [prompts[i] for i in group])
        of_row = np.repeat(np.arange(len(group)), len(rows) // len(group))
        kept = drawing.draw(hidden, rows, of_row)
        decode(drawing, Started(rows[kept], of_row[kept], layers, mask))

    def _groups(self, prompts: Prompts, n: int, max_new_tokens: int) -> Iterable[list[int]]:
        """Return the prompts that are run together, within the token budget; at least one at a time."""
        if self.packed:
            return split_by_budget(prompts, self.max_tokens)
        longest = max(len(prompt) for prompt in prompts) + max_new_tokens
        return self._padded_groups(prompts, self._rows_at_once(longest * n))

    def _rows_at_once(self, tokens: int) -> int:
        """Return how many rows of so many tokens the cache has room for."""
        return max(1, self.max_cache_bytes // (self.backbone.cache_bytes_per_token * tokens))

    def _padded_groups(self, rows: Prompts, max_rows: int) -> Iterator[list[int]]:
        group: list[int] = []
        for row in sorted(range(len(rows)), key=lambda i: len(rows[i])):
            if group and ((len(group) + 1) * len(rows[row]) > self.max_tokens or len(group) == max_rows):
                yield group
                group = []
            group.append(row)
        yield group

    def _end_tokens(self) -> frozenset[int]:
        configured = getattr(getattr(self.model, "generation_config", None), "eos_token_id", None)
        ids = configured if isinstance(configured, list) else [configured]
        return frozenset(i for i in [*ids, self.tokenizer.eos_token_id] if i is not None)
