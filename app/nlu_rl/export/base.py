"""Which weights of its base an adapter is merged into, known before anything is loaded (light)."""

from typing import Literal

from nlu_rl.errors import RunError
from nlu_rl.models.catalogue import resolve_reference
from nlu_rl.models.quantized import Quantization, stored_quantization

MergeInto = Literal["original", "quantized"]


def choose_base(reference: str, trained: Quantization, wanted: MergeInto | None) -> MergeInto:
    """Return the weights to merge into: `quantized` for an adapter trained in 4 bits unless otherwise wanted.

    Raises:
        ModelError: there is no such model, or it is quantized in a way that is not known here.
        RunError: the wanted weights do not exist.
    """
    if trained == "none":
        if wanted == "quantized":
            raise RunError("This run was not trained in 4 bits.", "Export without --merge-into.")
        return "original"
    if wanted == "original" and stored_quantization(resolve_reference(reference).folder) != "none":
        raise RunError(
            f"{reference} holds the 4-bit weights alone, so there are no original ones to merge into.",
            "Export without --merge-into, or train on the original model with quantize=nf4.",
        )
    return wanted or "quantized"
