"""WNLI: does a sentence with its pronoun resolved follow from the one with it? (GLUE; accuracy.)

The official development rows answer most texts of the training rows the other way round, so a model that learns those
by heart scores under chance.
"""

from collections.abc import Mapping
from types import MappingProxyType

from nlu_rl.tasks.entailment import TwoWayEntailment


class Wnli(TwoWayEntailment):
    name = "wnli"
    title = "Pronouns resolved, as entailment (GLUE)"
    note = "Training and validation share sentences with opposite answers."
    submission_file = "WNLI.tsv"
    submission_labels: Mapping[str, str] = MappingProxyType({"no": "0", "yes": "1"})
