"""Token by token: draw, record, drop the rows that have finished, go on with the rest.

A row finishes at the stop text or an end-of-text token, and leaves the batch at once. Each draw is the inverse of the
cumulative distribution at a number that depends on the row, not on the batch (`draws.py`). Nothing shared is computed
twice here either: completions of one prompt that are still equal are one state. Where the first token begins a
completion that is likely, such as an answer of the task, the rest of it is read in one pass, and a row that follows it
is only drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nlu_rl.policy.attention import SharedPrefix
from nlu_rl.policy.backbone import Backbone
from nlu_rl.policy.draws import Draws
from nlu_rl.policy.prompt_states import PromptStates
from nlu_rl.policy.row_cache import row_cache
from nlu_rl.policy.scores import next_log_probs
from nlu_rl.policy.trie import Ints

MOST_BEGUN = 4
"""Where a first token begins more completions than this, reading them all would cost more than decoding one."""


@dataclass
class Rollout:
    """`B = P * n` completions, prompt by prompt."""

    completions: list[list[int]] = field(default_factory=list)
    """Token ids, including those of the stop text or the end-of-text token."""
    texts: list[str] = field(default_factory=list)
    log_probs: list[list[float]] = field(default_factory=list)
    """Of each token, under the distribution it was drawn from."""
    finished: list[bool] = field(default_factory=list)
    """Whether it ended by itself, not at the limit of new tokens."""


@dataclass(frozen=True)
class Stopping:
    """When a completion ends."""

    stop: str
    end_tokens: frozenset[int]
    max_new_tokens: int


@dataclass
class Started:
    """Rows to go on with, each from a state that others may share; the last token of a row has not been read."""

    rows: Ints
    """(rows,) which of the completions."""
    states: Ints
    """(rows,) the state of each."""
    layers: list[tuple[Tensor, Tensor]]
    """Keys and values of the states, each (S, heads, length, head size), padded on the left."""
    mask: Tensor
    """(S, length) 1 on real tokens."""
    shared: SharedPrefix | None = None
    """What all begin with, when `layers` and `mask` hold only what comes after it."""


class Drawing:
    """The completions of some prompts in the making: `B = P * n` rows, prompt by prompt."""

    def __init__(
        self,
        backbone: Backbone,
        tokenizer: Any,
        stopping: Stopping,
        temperature: float,
        draws: Draws,
        prompts: int,
        n: int,
    ) -> None:
        """Begin `n` completions of each of so many prompts; temperature 0 takes the most likely token."""
        self.backbone = backbone
        self.stopping = stopping
        self.prompts = np.repeat(np.arange(prompts), n)
        total = len(self.prompts)
        self.rollout = Rollout([[] for _ in range(total)], [""] * total, [[] for _ in range(total)], [False] * total)
        self._completions = np.tile(np.arange(n), prompts)
        self._tokenizer = tokenizer
        self._temperature = temperature
        self._draws = draws

    @torch.no_grad()
    def draw(self, hidden: Tensor, rows: Ints, states: Ints) -> Ints:
        """Draw the next token of each of the rows from its state, of which `hidden` is (S, hidden size).

        Returns:
            The places among `rows` of those that go on.
        """
        chosen, log_probs = self._chosen(next_log_probs(self.backbone, hidden, self._temperature or 1.0), rows, states)
        for row, token, log_prob in zip(rows, chosen.tolist(), log_probs.tolist(), strict=True):
            self.rollout.completions[row].append(token)
            self.rollout.log_probs[row].append(log_prob)
        return np.array([place for place, row in enumerate(rows) if not self._ended(int(row))], np.int64)

    def last_tokens(self, rows: Ints) -> Ints:
        return np.array([self.rollout.completions[row][-1] for row in rows], np.int64)

    def _chosen(self, log_probs: Tensor, rows: Ints, states: Ints) -> tuple[Tensor, Tensor]:
        """Return the token (rows,) and its log-probability (rows,), of the states' log-probabilities (S, V)."""
        device = log_probs.device
        of_row = torch.as_tensor(states, device=device)
        if self._temperature == 0:
            chosen = log_probs.argmax(-1)[of_row]
        else:
            lengths = np.array([len(self.rollout.completions[row]) for row in rows], np.int64)
            uniform = torch.as_tensor(self._draws.uniform(self.prompts[rows], self._completions[rows], lengths))
            cumulative = log_probs.double().exp().cumsum(-1)
            place = _place_within(states)
            thresholds = torch.zeros(len(log_probs), int(place.max()) + 1, dtype=torch.float64, device=device)
            column = torch.as_tensor(place, device=device)
            thresholds[of_row, column] = uniform.to(device)
            found = torch.searchsorted(cumulative, thresholds.mul_(cumulative[:, -1:]), right=True)
            chosen = found[of_row, column].clamp(max=log_probs.shape[-1] - 1)
        return chosen, log_probs[of_row, chosen]

    def _ended(self, row: int) -> bool:
        """Update the row's text and say whether it ended: by itself, or at the limit."""
        ids, stopping = self.rollout.completions[row], self.stopping
        at_end_token = ids[-1] in stopping.end_tokens
        self.rollout.texts[row] = text = self._tokenizer.decode(ids[:-1] if at_end_token else ids)
        self.rollout.finished[row] = at_end_token or (bool(stopping.stop) and stopping.stop in text)
        return self.rollout.finished[row] or len(ids) == stopping.max_new_tokens


def follow(
    drawing: Drawing,
    states: PromptStates,
    rows: Ints,
    prompts: Sequence[Sequence[int]],
    likely: Sequence[Sequence[Sequence[int]]] = (),
) -> tuple[Ints, list[Ints]]:
    """Draw rows after their prompts, as far as the likely completions of each prompt go (or of none).

    Returns:
        The rows that went another way, and the nodes that each has read: its last token is not among them.
    """

    def draw(rows: Ints, nodes: Ints) -> Ints:
        distinct, of_row = np.unique(nodes, return_inverse=True)
        return drawing.draw(states.hidden(distinct), rows, of_row.reshape(-1))

    def ends(rows: Ints) -> Ints:
        nodes = {prompt: states.path(prompts[prompt])[-1] for prompt in np.unique(drawing.prompts[rows])}
        return np.array([nodes[prompt] for prompt in drawing.prompts[rows]], np.int64)

    rows = rows[draw(rows, ends(rows))]
    if likely:
        with torch.set_grad_enabled(states.has_gradient):
            states.read(_begun(drawing, rows, prompts, likely))
    nodes = ends(rows)
    left: list[int] = []
    read: list[Ints] = []
    while len(rows):
        tokens = drawing.last_tokens(rows)
        children = [states.child(*pair) for pair in zip(nodes.tolist(), tokens.tolist(), strict=True)]
        stays = np.array([child is not None for child in children])
        left += rows[~stays].tolist()
        read += [states.trie.path_to(node) for node in nodes[~stays].tolist()]
        rows, nodes = rows[stays], np.array([child for child in children if child is not None], np.int64)
        if len(rows):
            kept = draw(rows, nodes)
            rows, nodes = rows[kept], nodes[kept]
    return np.array(left, np.int64), read


def _begun(
    drawing: Drawing, rows: Ints, prompts: Sequence[Sequence[int]], likely: Sequence[Sequence[Sequence[int]]]
) -> list[list[int]]:
    """Return what to read of the rows: prompts with the likely completions that have begun, but for the last token."""
    found: dict[tuple[int, ...], None] = {}
    for row in rows:
        prompt, drawn = drawing.prompts[row], drawing.rollout.completions[row]
        begun = [completion for completion in likely[prompt] if list(completion[: len(drawn)]) == drawn]
        if len(begun) <= MOST_BEGUN:
            found.update({(*prompts[prompt], *completion[:-1]): None for completion in begun})
    return [list(sequence) for sequence in found]


@torch.no_grad()
def decode(drawing: Drawing, started: Started) -> None:
    """Go on with the rows that have been started, to their ends."""
    cache = row_cache(started.layers, drawing.stopping.max_new_tokens)
    started.layers.clear()
    rows, states, mask, backbone = started.rows, started.states, started.mask, drawing.backbone
    begins = 0 if started.shared is None else started.shared.length
    options = {} if started.shared is None else {"shared": started.shared}
    while len(rows):
        # A state and the token after it make the next state, however many rows are in it.
        pairs, states = np.unique(np.stack([states, drawing.last_tokens(rows)]), axis=1, return_inverse=True)
        states = states.reshape(-1)
        if not np.array_equal(pairs[0], np.arange(len(mask))):
            kept = torch.as_tensor(pairs[0], device=backbone.device)
            cache.batch_select_indices(kept)
            mask = mask[kept]
        mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
        output = backbone.hidden(
            input_ids=torch.as_tensor(pairs[1], device=backbone.device)[:, None],
            attention_mask=mask,
            position_ids=begins + mask.sum(-1, keepdim=True) - 1,
            past_key_values=cache,
            use_cache=True,
            **options,
        )
        kept = drawing.draw(output.last_hidden_state[:, -1], rows, states)
        rows, states = rows[kept], states[kept]


def gather_states(states: PromptStates, paths: Sequence[Ints]) -> tuple[list[tuple[Tensor, Tensor]], Tensor]:
    """Take the nodes of each path, padded on the left.

    Returns:
        For each layer keys and values (S, heads, length, head size), and the mask (S, length).
    """
    width = max(len(path) for path in paths)
    nodes = np.zeros((len(paths), width), np.int64)
    mask = np.zeros((len(paths), width), np.int64)
    for state, path in enumerate(paths):
        nodes[state, width - len(path) :] = path
        mask[state, width - len(path) :] = 1
    # (heads, S, length, size) -> (S, heads, length, size)
    gathered = [
        (keys.transpose(0, 1).contiguous(), values.transpose(0, 1).contiguous())
        for keys, values in states.keys_and_values(nodes)
    ]
    return gathered, torch.as_tensor(mask, device=gathered[0][0].device)


def _place_within(states: Ints) -> Ints:
    """Return which of the rows of its state each row is, counted from 0."""
    order = np.argsort(states, kind="stable")
    ordered = states[order]
    place = np.empty(len(states), np.int64)
    place[order] = np.arange(len(states)) - np.searchsorted(ordered, ordered)
    return place
