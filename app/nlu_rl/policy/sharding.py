"""The frozen base cut up over the processes of a run: FSDP 2 on its layers, and on nothing else.

Each process holds its part of every layer, and gathers a layer from all of them while it is computed. What learns
(adapter, value head) stays whole on every process, so gradients, optimizer and checkpoints are those of a base that is
not cut up. So do embeddings, last norm and head, which the engine runs by themselves.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor

from nlu_rl.errors import ModelError, RecipeError
from nlu_rl.models.four_bit import four_bit_layers
from nlu_rl.policy.backbone import Backbone


def shard_layers(model: torch.nn.Module, device: torch.device) -> None:
    """Cut up the layers of a PEFT model in place, layer by layer, and put the rest of it on `device`.

    Raises:
        RecipeError: the base is in 4 bits.
        ModelError: the architecture does not say what its layers are.
    """
    if any(four_bit_layers(model)):
        raise RecipeError(
            "FSDP is asked for, and a base in 4 bits is not cut up: its weights are codes that belong to blocks.",
            "Set quantize=none, or launch without FSDP (accelerate launch --multi_gpu).",
        )
    trunk = Backbone(model).trunk
    kinds = getattr(trunk, "_no_split_modules", None) or ()
    layers = [module for module in trunk.modules() if type(module).__name__ in kinds]
    if not layers:
        raise ModelError(
            f"{type(trunk).__name__} does not say what its layers are, so FSDP cannot cut it up.",
            "Launch without FSDP (accelerate launch --multi_gpu).",
        )
    mesh = init_device_mesh(device.type, (dist.get_world_size(),))
    whole = {parameter for parameter in model.parameters() if parameter.requires_grad}
    for layer in layers:
        fully_shard(layer, mesh=mesh, ignored_params=whole)
        _let_go_when_recomputed(layer)
    inside = {parameter for layer in layers for parameter in layer.parameters()}
    fully_shard(trunk, mesh=mesh, ignored_params=set(trunk.parameters()) - inside | whole)
    model.to(device)


def _let_go_when_recomputed(layer: Any) -> None:
    """Cut up a layer also after a forward pass that runs within a backward pass.

    FSDP leaves that to the layer's own backward pass, so recomputing all layers (`Policy.score` of several
    micro-batches) would gather the whole base. One that is whole beforehand is recomputed for its own backward pass.
    """
    before: list[bool] = []

    def note(*_: Any) -> None:
        before[:] = [any(isinstance(parameter, DTensor) for parameter in layer.parameters())]

    def let_go(*_: Any) -> None:
        if before == [True]:
            layer.reshard()

    layer.register_forward_pre_hook(note, prepend=True)
    layer.register_forward_hook(let_go)
