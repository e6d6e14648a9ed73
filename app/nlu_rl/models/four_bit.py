"""A base in 4-bit NF4 (bitsandbytes, double quantization): how it is made, its compute type, its kernels, its weights.

The same on a CPU and on a card. Codes and scales are those of the file whatever the compute type; only products and
what is not quantized (embeddings, norms, head) are in the compute type.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

KERNEL_TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 3e-2, torch.float16: 5e-3}
"""Largest error of a 4-bit product against the dequantized weights, relative to the product's norm."""


def four_bit_config(dtype: torch.dtype) -> Any:
    """Return the configuration transformers quantizes by while it loads."""
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )


def set_compute_type(model: torch.nn.Module, dtype: torch.dtype) -> None:
    """Let a model that was stored in 4 bits compute in `dtype`, whatever it was written with."""
    for parameter in model.parameters():
        if parameter.is_floating_point():
            parameter.data = parameter.data.to(dtype)
    for _, layer in four_bit_layers(model):
        layer.compute_dtype = dtype
        layer.compute_type_is_set = True
        layer.weight.quant_state.dtype = dtype


def keep_weights_in_place(model: torch.nn.Module) -> None:
    """Keep the library from rewriting the weights at the first product without a gradient.

    On CPUs with AVX512-BF16 it packs them anew with scales rounded to bfloat16: afterwards the model is another one,
    training can no longer use it, and shapes that are no multiples of its blocks raise.
    """
    for _, layer in four_bit_layers(model):
        layer.support_avx512bf16_for_cpu = False


def four_bit_layers(model: torch.nn.Module) -> Iterator[tuple[str, Any]]:
    """Yield the name and module of every layer held in 4 bits."""
    for name, module in model.named_modules():
        kind = type(module)  # PEFT has a class of the same name, for the adapter around one
        if kind.__name__ == "Linear4bit" and kind.__module__.startswith("bitsandbytes"):
            yield name, module


@torch.no_grad()
def dequantized_weight(layer: Any) -> Tensor:
    """Return the numbers (out, in) that a layer's codes stand for, in float32."""
    from bitsandbytes.functional import dequantize_4bit

    state = layer.weight.quant_state
    usual, state.dtype = state.dtype, torch.float32
    try:
        weight: Tensor = dequantize_4bit(layer.weight.data, state)
    finally:
        state.dtype = usual
    return weight.view(layer.out_features, layer.in_features)


def dequantized_model(model: Any) -> Any:
    """Return the model with plain layers of what its codes stand for, ready to be saved in any type."""
    plain = model.dequantize()
    # What loading did to a stored 4-bit model would be undone by saving, which the library cannot.
    vars(plain).pop("_weight_conversions", None)
    return plain


class DequantizedWeights(Mapping[str, Tensor]):
    """The tensors of a 4-bit model by name, as what they stand for; one at a time is computed, none is kept."""

    def __init__(self, model: torch.nn.Module) -> None:
        self._layers = {f"{name}.weight": layer for name, layer in four_bit_layers(model)}
        self._plain = {name: parameter for name, parameter in model.named_parameters() if name not in self._layers}

    def __getitem__(self, name: str) -> Tensor:
        return dequantized_weight(self._layers[name]) if name in self._layers else self._plain[name].data

    def __iter__(self) -> Iterator[str]:
        return iter([*self._layers, *self._plain])

    def __len__(self) -> int:
        return len(self._layers) + len(self._plain)


@torch.no_grad()
def kernel_error(model: torch.nn.Module) -> float | None:
    """Return how far the 4-bit kernel of this machine is from the dequantized weights, relative to the product.

    One layer stands for all, with rows of both a decoding step (1) and a training step (64), which take other kernels.
    None for a model that is not in 4 bits.
    """
    found = next(four_bit_layers(model), None)
    if found is None:
        return None
    _, layer = found
    dtype, device = layer.compute_dtype, layer.weight.device
    weight = dequantized_weight(layer)
    worst = 0.0
    for rows in (1, 64):
        x = torch.randn(rows, layer.in_features, generator=torch.Generator().manual_seed(rows)).to(device, dtype)
        expected = x.float() @ weight.t()
        if layer.bias is not None:
            expected += layer.bias.float()
        worst = max(worst, float((layer(x).float() - expected).norm() / expected.norm()))
    return worst


def kernels_agree(error: float, dtype: torch.dtype) -> bool:
    """Whether the error of a 4-bit product is rounding of the compute type; False for one that is not a number."""
    return error <= KERNEL_TOLERANCE.get(dtype, KERNEL_TOLERANCE[torch.bfloat16])
