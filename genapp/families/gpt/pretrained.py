"""GPT-2's published weights as a checkpoint of ours.

OpenAI's weights (MIT licence) and DistilGPT2 (Apache-2.0), in the layout that the hub and
transformers use. Their ``Conv1D`` keeps a matrix as (in, out); ``nn.Linear`` wants (out, in).
"""

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
from genapp.families.gpt.model import GPTConfig, build
from genapp.families.gpt.spec import PRESETS
from genapp.families.gpt.tokenizer import load as load_tokenizer

FILES = ("config.json", "tokenizer.json", "model.safetensors")
REVISIONS: Mapping[str, tuple[str, str]] = {
    "distilgpt2": ("distilbert/distilgpt2", "2290a62682d06624634c1f46a6ad5be0f47f38aa"),
    "gpt2": ("openai-community/gpt2", "607a30d783dfa663caf39e06633721c8d4cfcd7e"),
    "gpt2-medium": ("openai-community/gpt2-medium", "6dcaa7a952f72f9298047fd5137cd6e4f05f41da"),
    "gpt2-large": ("openai-community/gpt2-large", "32b71b12589c2f8d625668d2335a01cac3249519"),
    "gpt2-xl": ("openai-community/gpt2-xl", "15ea56dee5df4983c59b2538573817e1667135e2"),
}
_OPENAI = {"name": "GPT-2 (OpenAI, 2019)", "licence": "MIT"}
_DATA = {"distilgpt2": {"name": "DistilGPT2 (Hugging Face, 2019)", "licence": "Apache-2.0"}}
_NAMES = {  # theirs → ours; ``*`` is the layer
    "wte.weight": "tokens.weight",
    "wpe.weight": "positions.weight",
    "ln_f": "norm",
    "h.*.ln_1": "blocks.*.norm1",
    "h.*.ln_2": "blocks.*.norm2",
    "h.*.attn.c_attn": "blocks.*.attention.qkv",
    "h.*.attn.c_proj": "blocks.*.attention.out",
    "h.*.mlp.c_fc": "blocks.*.mlp.up",
    "h.*.mlp.c_proj": "blocks.*.mlp.down",
}


def announce(name: str) -> hub.Download:
    """What fetching ``name`` costs; raises :class:`UserError` for a name that isn't GPT-2's."""
    if name not in REVISIONS:
        raise UserError(f"{name!r} is not on the list", f"choose one of {', '.join(REVISIONS)}.")
    repo, revision = REVISIONS[name]
    return hub.announce(repo, revision, FILES)


def from_hub(name: str) -> Path:
    """Fetches GPT-2 and keeps it as checkpoint ``name``; returns the checkpoint's folder."""
    download = announce(name)
    source = f"https://huggingface.co/{download.repo}/tree/{download.revision}"
    return from_folder(hub.fetch(download), name, source)


def from_folder(folder: Path, name: str, source: str = "local folder") -> Path:
    """Turns a folder in the hub's layout into checkpoint ``name`` of this family.

    Raises :class:`UserError` if a file is missing or the model isn't a GPT-2.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if missing := [f for f in FILES if not (folder / f).is_file()]:
        raise UserError(f"{folder.name} lacks {', '.join(missing)}", "give a complete folder.")
    tokenizer = (folder / "tokenizer.json").read_bytes()
    load_tokenizer(tokenizer)
    try:
        config = config_of(json.loads((folder / "config.json").read_text(encoding="utf-8")))
        tensors = convert(load_file(folder / "model.safetensors"))
        with torch.device("meta"):
            model = build(asdict(config))
        model.load_state_dict(tensors, assign=True)
    except (RuntimeError, ValueError, KeyError, SafetensorError) as error:
        raise UserError(
            f"{folder.name} holds no GPT-2 we can read ({str(error)[:200]})", "give another folder."
        ) from error
    meta = checkpoints.Meta(
        family="gpt", preset=name if name in PRESETS else "gpt2", config=asdict(config),
        step=0, steps=0, seed=0, metrics={}, hardware="", seconds=0.0,
        data=({**_DATA.get(name, _OPENAI), "source": source},),
        parameters=sum(p.numel() for p in model.parameters()),
        about="Published weights, not trained by us.",
    )  # fmt: skip
    target = checkpoints.home() / "checkpoints" / "gpt" / name
    return checkpoints.save(target, model.state_dict(), meta, {"tokenizer.json": tokenizer})


def config_of(theirs: Mapping[str, Any]) -> GPTConfig:
    """Our config from their ``config.json``; ``ValueError`` for a variant that differs."""
    expected = {"model_type": "gpt2", "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5}
    for key, value in expected.items():
        if theirs.get(key, value) != value:
            raise ValueError(f"{key} is {theirs[key]!r}, not {value!r}")
    return GPTConfig(
        layers=theirs["n_layer"],
        heads=theirs["n_head"],
        width=theirs["n_embd"],
        context=theirs["n_positions"],
        vocab=theirs["vocab_size"],
    )


def convert(theirs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Their tensors under our names and in our layout; their mask buffers are left out."""
    ours = {}
    for name, tensor in theirs.items():
        name = name.removeprefix("transformer.")
        if name == "lm_head.weight" or re.search(r"\.attn\.(masked_)?bias$", name):
            continue
        layer = re.match(r"h\.(\d+)\.", name)
        key = re.sub(r"^h\.\d+\.", "h.*.", name)
        stem, _, leaf = key.rpartition(".")
        target = _NAMES.get(key) or f"{_NAMES[stem]}.{leaf}"
        conv1d = leaf == "weight" and re.search(r"\.(c_attn|c_proj|c_fc)$", stem)
        ours[target.replace("*", layer[1] if layer else "")] = tensor.T if conv1d else tensor
    return ours
