"""Published ViTs and DeiTs as a checkpoint of ours, from the layout of the hub and transformers."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genapp import checkpoints, hub
from genapp.errors import UserError
from genapp.families.vit import pictures
from genapp.families.vit.model import ViTConfig, build

FILES = ("config.json", "preprocessor_config.json", "model.safetensors")
REVISIONS: Mapping[str, tuple[str, str]] = {
    "vit-base": ("google/vit-base-patch16-224", "3f49326eb077187dfe1c2a2bb15fbd74e6ab91e3"),
}
DATA = {"name": "ImageNet-21k and ImageNet-1k (Google, 2020)", "licence": "weights Apache-2.0"}
_NAMES = {  # theirs → ours; ``*`` is the layer
    "vit.embeddings.cls_token": "front",
    "vit.embeddings.position_embeddings": "positions",
    "vit.embeddings.patch_embeddings.projection": "patches",
    "vit.encoder.layer.*.layernorm_before": "blocks.*.norm1",
    "vit.encoder.layer.*.attention.output.dense": "blocks.*.attention.out",
    "vit.encoder.layer.*.layernorm_after": "blocks.*.norm2",
    "vit.encoder.layer.*.intermediate.dense": "blocks.*.mlp.0",
    "vit.encoder.layer.*.output.dense": "blocks.*.mlp.2",
    "vit.layernorm": "norm",
    "classifier": "head",
}
_QKV = "vit.encoder.layer.{}.attention.attention.{}.{}"


def announce(name: str) -> hub.Download:
    """What fetching ``name`` costs; raises :class:`UserError` for a name that isn't listed."""
    if name not in REVISIONS:
        raise UserError(f"{name!r} is not on the list", f"choose one of {', '.join(REVISIONS)}.")
    return hub.announce(*REVISIONS[name], FILES)


def from_hub(name: str) -> Path:
    """Fetches ``name`` and keeps it as a checkpoint; returns its folder."""
    download = announce(name)
    source = f"https://huggingface.co/{download.repo}/tree/{download.revision}"
    return from_folder(hub.fetch(download), name, source)


def from_folder(folder: Path, name: str, source: str = "local folder") -> Path:
    """Turns a folder in the hub's layout into checkpoint ``name`` of this family.

    Raises :class:`UserError` if a file is missing or the model is no ViT we can read.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if missing := [f for f in FILES if not (folder / f).is_file()]:
        raise UserError(f"{folder.name} lacks {', '.join(missing)}", "give a complete folder.")
    try:
        about, scale = (json.loads((folder / f).read_text("utf-8")) for f in FILES[:2])
        config = config_of(about)
        tensors = convert(load_file(folder / FILES[2]), config.layers)
        rescale(tensors, scale.get("image_mean", [0.5] * 3), scale.get("image_std", [0.5] * 3))
        with torch.device("meta"):
            model = build(asdict(config))
        model.load_state_dict(tensors, assign=True)
    except (RuntimeError, ValueError, KeyError, SafetensorError) as error:
        raise UserError(
            f"{folder.name} holds no ViT we can read ({str(error)[:200]})", "give another folder."
        ) from error
    names = about.get("id2label") or {}
    classes = [str(names.get(str(i), f"class {i}")) for i in range(config.classes)]
    meta = checkpoints.Meta(
        family="vit", preset=name, config=asdict(config), step=0, steps=0, seed=0,
        metrics={"classes": classes}, hardware="", seconds=0.0,
        data=({**DATA, "source": source},),
        parameters=sum(p.numel() for p in model.parameters()),
        about="Published weights, not trained by us.",
    )  # fmt: skip
    target = checkpoints.home() / "checkpoints" / "vit" / name
    return checkpoints.save(target, model.state_dict(), meta, {})


def config_of(theirs: Mapping[str, Any]) -> ViTConfig:
    """Our config from their ``config.json``; ``ValueError`` for a variant that differs."""
    expected = {"model_type": "vit", "hidden_act": "gelu", "qkv_bias": True}
    for key, value in expected.items():
        if theirs.get(key, value) != value:
            raise ValueError(f"{key} is {theirs[key]!r}, not {value!r}")
    return ViTConfig(
        image=theirs["image_size"],
        patch=theirs["patch_size"],
        width=theirs["hidden_size"],
        layers=theirs["num_hidden_layers"],
        heads=theirs["num_attention_heads"],
        mlp=theirs["intermediate_size"],
        classes=len(theirs.get("id2label", {})) or 2,
        channels=theirs.get("num_channels", 3),
        epsilon=theirs["layer_norm_eps"],
    )


def convert(theirs: Mapping[str, Tensor], layers: int) -> dict[str, Tensor]:
    """Their tensors under our names; queries, keys and values become one matrix."""
    ours = {}
    for name, tensor in theirs.items():
        if ".attention.attention." in name or name.startswith("vit.pooler."):
            continue
        layer = re.search(r"\.layer\.(\d+)\.", name)
        key = re.sub(r"\.layer\.\d+\.", ".layer.*.", name)
        stem, _, leaf = key.rpartition(".")
        target = _NAMES.get(key) or f"{_NAMES[stem]}.{leaf}"
        ours[target.replace("*", layer[1] if layer else "")] = tensor
    ours["front"], ours["positions"] = ours["front"][0], ours["positions"][0]
    for i in range(layers):
        for leaf in ("weight", "bias"):
            parts = [theirs[_QKV.format(i, part, leaf)] for part in ("query", "key", "value")]
            ours[f"blocks.{i}.attention.qkv.{leaf}"] = torch.cat(parts)
    return ours


def rescale(tensors: dict[str, Tensor], mean: list[float], std: list[float]) -> None:
    """Lets the patch projection read pixels scaled our way instead of theirs, (x − mean) / std."""
    W, m, s = tensors["patches.weight"], torch.tensor(mean), torch.tensor(std)  # (C, 3, p, p)
    shift = ((pictures.MEAN - m) / s)[:, None, None]
    tensors["patches.bias"] = tensors["patches.bias"] + (W * shift).sum((1, 2, 3))
    tensors["patches.weight"] = W * (pictures.STD / s)[:, None, None]
