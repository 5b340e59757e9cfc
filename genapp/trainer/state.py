"""Optimiser state as two small files of a checkpoint: exact, and never unpickled."""

import json
from collections.abc import Mapping
from typing import Any

import torch
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes
from torch import Tensor

from genapp.errors import UserError

FILES = TENSORS, REST = "state.safetensors", "state.json"


def pack(
    optimizers: Mapping[str, torch.optim.Optimizer], position: Mapping[str, Any]
) -> dict[str, bytes]:
    """File name → bytes of every optimiser's state and the run's position."""
    tensors: dict[str, Tensor] = {}
    states = {name: _flatten(o.state_dict(), name, tensors) for name, o in optimizers.items()}
    rest = {"position": dict(position), "optimizers": states}
    return {TENSORS: to_bytes(tensors), REST: json.dumps(rest).encode()}


def restore(
    files: Mapping[str, bytes], optimizers: Mapping[str, torch.optim.Optimizer]
) -> dict[str, Any]:
    """Restores the optimisers in place and returns the position; raises :class:`UserError`."""
    if not {TENSORS, REST} <= files.keys():
        raise UserError("The run was saved without its state", "start it again.")
    tensors, rest = from_bytes(files[TENSORS]), json.loads(files[REST])
    for name, optimizer in optimizers.items():
        optimizer.load_state_dict(_restore(rest["optimizers"][name], tensors))
    return rest["position"]  # type: ignore[no-any-return]


def _flatten(value: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    """``value`` as JSON, its tensors moved into ``tensors`` under their path."""
    if isinstance(value, Tensor):
        tensors[path] = value.detach().cpu().contiguous().clone()
        return {"$tensor": path}
    if isinstance(value, dict):  # keys may be ints, which JSON would turn into text
        return {"$items": [[k, _flatten(v, f"{path}.{k}", tensors)] for k, v in value.items()]}
    if isinstance(value, list | tuple):
        return [_flatten(v, f"{path}.{i}", tensors) for i, v in enumerate(value)]
    return value


def _restore(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(value, dict):
        if "$tensor" in value:
            return tensors[value["$tensor"]]
        return {k: _restore(v, tensors) for k, v in value["$items"]}
    if isinstance(value, list):
        return [_restore(v, tensors) for v in value]
    return value
