"""Published BERT weights as checkpoints of ours, in the layout that the hub and transformers use.

Google's BERT-base (Apache-2.0) and RuBERT-tiny2 (MIT licence).
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
from genapp.families.bert import wordpiece
from genapp.families.bert.model import BertConfig, build
from genapp.families.bert.spec import PRESETS

FILES = ("config.json", "tokenizer.json", "model.safetensors")
REVISIONS: Mapping[str, tuple[str, str]] = {
    "bert-base-uncased": (
        "google-bert/bert-base-uncased", "86b5e0934494bd15c9632b12f734a8a67f723594",
    ),
    "rubert-tiny2": ("cointegrated/rubert-tiny2", "dad72b8f77c5eef6995dd3e4691b758ba56b90c3"),
}  # fmt: skip
_DATA = {
    "bert-base-uncased": {"name": "BERT-base (Google, 2018)", "licence": "Apache-2.0"},
    "rubert-tiny2": {"name": "RuBERT-tiny2 (D. Dale, 2021)", "licence": "MIT"},
}
_OTHER = {"name": "BERT weights", "licence": "as their owner says"}
_NAMES = {  # theirs → ours; ``*`` is the layer
    "bert.embeddings.word_embeddings": "encoder.embeddings.tokens",
    "bert.embeddings.token_type_embeddings": "encoder.embeddings.segments",
    "bert.embeddings.position_embeddings": "encoder.embeddings.positions",
    "bert.embeddings.LayerNorm": "encoder.embeddings.norm",
    "bert.encoder.layer.*.attention.output.dense": "encoder.blocks.*.attention.out",
    "bert.encoder.layer.*.attention.output.LayerNorm": "encoder.blocks.*.norm1",
    "bert.encoder.layer.*.intermediate.dense": "encoder.blocks.*.up",
    "bert.encoder.layer.*.output.dense": "encoder.blocks.*.down",
    "bert.encoder.layer.*.output.LayerNorm": "encoder.blocks.*.norm2",
    "bert.pooler.dense": "encoder.pooler",
    "cls.predictions.transform.dense": "words.transform",
    "cls.predictions.transform.LayerNorm": "words.norm",
    "cls.predictions": "words",
    "cls.seq_relationship": "next",
}
_PARTS = ("query", "key", "value")  # in the order our one matrix holds them


def announce(name: str) -> hub.Download:
    """What fetching ``name`` costs; raises :class:`UserError` for a name not on the list."""
    if name not in REVISIONS:
        raise UserError(f"{name!r} is not on the list", f"choose one of {', '.join(REVISIONS)}.")
    repo, revision = REVISIONS[name]
    return hub.announce(repo, revision, FILES)


def from_hub(name: str) -> Path:
    """Fetches a published BERT and keeps it as checkpoint ``name``; returns its folder."""
    download = announce(name)
    source = f"https://huggingface.co/{download.repo}/tree/{download.revision}"
    return from_folder(hub.fetch(download), name, source)


def from_folder(folder: Path, name: str, source: str = "local folder") -> Path:
    """Turns a folder in the hub's layout into checkpoint ``name`` of this family.

    Raises :class:`UserError` if a file is missing or the model isn't a BERT with its word head.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if missing := [f for f in FILES if not (folder / f).is_file()]:
        raise UserError(f"{folder.name} lacks {', '.join(missing)}", "give a complete folder.")
    tokenizer = wordpiece.load((folder / "tokenizer.json").read_bytes()).dump()
    try:
        config = config_of(json.loads((folder / "config.json").read_text(encoding="utf-8")))
        tensors = convert(load_file(folder / "model.safetensors"), config)
        with torch.device("meta"):
            model = build(asdict(config))
        model.load_state_dict(tensors, assign=True)
    except (RuntimeError, ValueError, KeyError, SafetensorError) as error:
        raise UserError(
            f"{folder.name} holds no BERT we can read ({str(error)[:200]})", "give another folder."
        ) from error
    meta = checkpoints.Meta(
        family="bert", preset=name if name in PRESETS else "bert-base-uncased",
        config=asdict(config), step=0, steps=0, seed=0, metrics={}, hardware="", seconds=0.0,
        data=({**_DATA.get(name, _OTHER), "source": source},),
        parameters=sum(p.numel() for p in model.parameters()),
        about="Published weights, not trained by us.",
    )  # fmt: skip
    target = checkpoints.home() / "checkpoints" / "bert" / name
    return checkpoints.save(target, model.state_dict(), meta, {"tokenizer.json": tokenizer})


def config_of(theirs: Mapping[str, Any]) -> BertConfig:
    """Our config from their ``config.json``; ``ValueError`` for a variant that differs."""
    expected = {
        "model_type": "bert", "hidden_act": "gelu", "layer_norm_eps": 1e-12,
        "type_vocab_size": 2, "position_embedding_type": "absolute",
    }  # fmt: skip
    for key, value in expected.items():
        if theirs.get(key, value) != value:
            raise ValueError(f"{key} is {theirs[key]!r}, not {value!r}")
    return BertConfig(
        layers=theirs["num_hidden_layers"],
        heads=theirs["num_attention_heads"],
        width=theirs["hidden_size"],
        inner=theirs["intermediate_size"],
        context=theirs["max_position_embeddings"],
        vocab=theirs["vocab_size"],
        dropout=theirs.get("hidden_dropout_prob", 0.1),
    )


def convert(theirs: Mapping[str, Tensor], config: BertConfig) -> dict[str, Tensor]:
    """Their tensors under our names: queries, keys and values in one matrix.

    The tied output matrix is left out. Where the next-sentence head is missing, as in a model that
    was trained on hidden words alone, ours is zero: it finds every pair as likely as not.
    """
    ours: dict[str, Tensor] = {}
    for name, tensor in theirs.items():
        name = re.sub(r"gamma$", "weight", re.sub(r"beta$", "bias", name))
        if "cls.predictions.decoder" in name or name.endswith("position_ids"):
            continue
        stem, _, leaf = name.rpartition(".")
        layer = re.search(r"\.layer\.(\d+)\.", name)
        if stem.endswith(tuple(f"self.{part}" for part in _PARTS)):
            continue
        target = _NAMES[re.sub(r"\.layer\.\d+\.", ".layer.*.", stem)]
        ours[f"{target}.{leaf}".replace("*", layer[1] if layer else "")] = tensor
    for at in range(config.layers):
        for leaf in ("weight", "bias"):
            stem = f"bert.encoder.layer.{at}.attention.self"
            three = [theirs[f"{stem}.{part}.{leaf}"] for part in _PARTS]
            ours[f"encoder.blocks.{at}.attention.qkv.{leaf}"] = torch.cat(three)
    ours.setdefault("next.weight", torch.zeros(2, config.width))
    ours.setdefault("next.bias", torch.zeros(2))
    return ours
