"""LoRA's update of a linear layer: one differentiable operation in training, nothing at all in decoding.

In training `y += s (x A^T) B^T` is added into the base layer's output; the library's own forward makes and keeps
several tensors of the output's size for it. For decoding, where a step is short, the update is put into the weights.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import MethodType
from typing import Any

import psutil
import torch
from peft.tuners.lora import LoraLayer
from torch import Tensor


class LoraUpdate(torch.autograd.Function):
    """Adds the low-rank product into `output`, in `output`'s data type; the adapter's weights may be wider."""

    @staticmethod
    def forward(ctx: Any, output: Tensor, x: Tensor, a: Tensor, b: Tensor, scaling: float) -> Tensor:
        """Add to `output` (..., out); `x` is (..., in), `a` (r, in), `b` (out, r)."""
        kind = output.dtype
        rows, a, b = x.reshape(-1, x.shape[-1]).to(kind), a.to(kind), b.to(kind)
        low = rows @ a.t()
        output.view(-1, output.shape[-1]).addmm_(low, b.t(), alpha=scaling)
        ctx.mark_dirty(output)
        ctx.save_for_backward(rows, low, a, b)
        ctx.scaling, ctx.shape, ctx.kind = scaling, x.shape, x.dtype
        return output

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        rows, low, a, b = ctx.saved_tensors
        flat = grad.reshape(-1, grad.shape[-1])
        low_grad = (flat @ b) * ctx.scaling
        x_grad = (low_grad @ a).view(ctx.shape).to(ctx.kind) if ctx.needs_input_grad[1] else None
        a_grad = low_grad.t() @ rows
        b_grad = (flat.t() @ low) * ctx.scaling
        return grad, x_grad, a_grad.float(), b_grad.float(), None


def use_fused_updates(model: torch.nn.Module) -> None:
    """Let every plain LoRA layer of a PEFT model add its update with `LoraUpdate`."""
    for module in model.modules():
        if isinstance(module, LoraLayer) and isinstance(module.get_base_layer(), torch.nn.Linear):
            module.forward = MethodType(_forward, module)


@contextmanager
def merged_for_sampling(model: torch.nn.Module) -> Iterator[None]:
    """Hold `W + s B A` in place of every plain weight, and put the very same weights back at the end.

    Costs a second copy of the adapted weights; where that does not fit, and on layers that are quantized or cut up over
    processes, nothing is merged.
    """
    layers = [m for m in model.modules() if _is_plain(m) and not m.disable_adapters and not m.merged]
    held: list[tuple[Any, Tensor]] = []
    try:
        for module in layers if _fits_twice([m.get_base_layer().weight for m in layers]) else []:
            weight = module.get_base_layer().weight
            held.append((module, weight.data))
            weight.data = _merged_weight(module)
            module.merged_adapters.extend(module.active_adapters)
        yield
    finally:
        for module, weight in held:
            module.get_base_layer().weight.data = weight
            module.merged_adapters.clear()


def _is_plain(module: Any) -> bool:
    if not isinstance(module, LoraLayer) or module.lora_variant:
        return False
    base = module.get_base_layer()
    plain = type(base) is torch.nn.Linear and type(base.weight) is torch.nn.Parameter
    return plain and base.weight.is_floating_point()


def _fits_twice(weights: list[Tensor]) -> bool:
    """Whether a second copy of the weights leaves half of the free memory free."""
    if not weights:
        return False
    if weights[0].device.type == "cuda":
        free = torch.cuda.mem_get_info()[0] + torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
    else:
        free = psutil.virtual_memory().available
    return 2 * sum(weight.numel() * weight.element_size() for weight in weights) < int(free)


@torch.no_grad()
def _merged_weight(module: Any) -> Tensor:
    weight = module.get_base_layer().weight.data
    merged = weight.float()
    for name in module.active_adapters:
        if name in module.lora_A:
            a, b = module.lora_A[name].weight.float(), module.lora_B[name].weight.float()
            merged = torch.addmm(merged, b, a, alpha=module.scaling[name])
    return merged.to(weight.dtype)


def _forward(self: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    if self.merged and not self.disable_adapters:
        merged: Tensor = self.base_layer(x, *args, **kwargs)
        return merged
    if self.disable_adapters or args or kwargs or self.lora_variant:
        plain: Tensor = type(self).forward(self, x, *args, **kwargs)
        return plain
    output: Tensor = self.base_layer(x)
    if output._is_view() and type(self.base_layer) is not torch.nn.Linear:
        output = output.clone()  # the 4-bit product with a bias: autograd forbids adding into a view of its making
    for name in self.active_adapters:
        if name in self.lora_A:
            output = LoraUpdate.apply(output, x, self.lora_A[name].weight, self.lora_B[name].weight, self.scaling[name])
    return output
