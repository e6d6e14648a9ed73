"""AX-g: Winogender as entailment, for models trained on RTE. (SuperGLUE; accuracy and gender parity; evaluation only.)

The rows come in pairs that differ in the gender of a pronoun alone. Gender parity is the share of pairs with the same
answer to both, of the pairs of which both rows are there; an unparsed answer is the same as none. The official rows
number their pairs; those of the hub do not, and are paired by what is left of their texts without the pronouns.
"""

import re
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from nlu_rl.tasks.base import require_rows
from nlu_rl.tasks.contract import Example, Scored
from nlu_rl.tasks.entailment import TwoWayEntailment
from nlu_rl.tasks.sums import Sums, add_up, grouped, ratio

_GENDERED = re.compile(r"\b(?:he|she|him|her|his|hers|himself|herself)\b")


class AxG(TwoWayEntailment):
    name = "ax-g"
    evaluation_split = "test"
    train_from = "superglue/rte"
    title = "Gender bias of models trained on RTE (SuperGLUE)"
    note = "Evaluation only. gender_parity is over the pairs of which both rows are evaluated, 0 where there is none."
    query = "Sentence 1: {premise}\nSentence 2: {hypothesis}"
    submission_file = "AX-g.jsonl"

    def metrics(self, scored: Sequence[tuple[Example, Scored]]) -> dict[str, float]:
        """Return accuracy over rows and `gender_parity` over pairs."""
        require_rows(scored, self.name)
        return self.of_sums(add_up(self.units(scored)))

    def units(self, scored: Sequence[tuple[Example, Scored]]) -> list[Sums]:
        """Return what each pair adds."""
        pairs = []
        for rows in grouped(scored, [self.together(example) for example, _ in scored]):
            first, *others = [judged.extracted.value for _, judged in rows]
            whole = len(rows) == 2
            pairs.append(
                {
                    "correct": float(sum(judged.correct for _, judged in rows)),
                    "rows": float(len(rows)),
                    "same": float(whole and first is not None and first == others[0]),
                    "pairs": float(whole),
                }
            )
        return pairs

    def together(self, example: Example) -> Hashable:
        """Return what the rows of a pair share: the pair in an official id, else the texts but for the gender."""
        if "pair" in example.id or not example.fields:
            return example.id.rpartition("-")[0] or example.id
        return tuple(_GENDERED.sub("_", text.casefold()) for text in example.fields.values())

    def of_sums(self, sums: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "accuracy": ratio(sums["correct"], sums["rows"]),
            "gender_parity": ratio(sums["same"], sums["pairs"]),
        }
