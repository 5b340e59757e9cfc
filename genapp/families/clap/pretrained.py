"""LAION's CLAP from the hub, or from a folder in the hub's layout, as a checkpoint of ours.

Weights are read from safetensors alone: the repository's main branch has only a pickle, so they
come from its safetensors conversion, a commit of the same repository.
"""

import json
from pathlib import Path

from genapp import checkpoints, hub
from genapp.data.source import human
from genapp.errors import UserError
from genapp.families.clap.htsat import HubClap
from genapp.families.clap.model import build

NAME = "clap-htsat-unfused"
REPO = "laion/clap-htsat-unfused"
REVISION = "8fa0f1c6d0433df6e97c127f64b2a1d6c0dcda8a"
WEIGHTS_REVISION = "79b58ed25fc00386262a2bea4b19fd21dc4310a0"
TEXTS, WEIGHTS = ("config.json", "tokenizer.json"), "model.safetensors"
TOKENIZER = "tokenizer.json"
LEFT_OUT = ("position_ids", "token_type_ids", "relative_position_index", "num_batches_tracked")


def announce() -> tuple[hub.Download, hub.Download]:
    """What fetching costs; raises :class:`UserError` when the hub can't be asked."""
    return (
        hub.announce(REPO, REVISION, TEXTS),
        hub.announce(REPO, WEIGHTS_REVISION, (WEIGHTS,)),
    )


def told() -> str:
    """:func:`announce` in words."""
    size = sum(part.size for part in announce())
    return f"{REPO}: {f'{human(size)} to download' if size else 'already on this machine'}"


def from_hub() -> Path:
    """Fetches the model and keeps it as checkpoint ``clap-htsat-unfused``; returns its folder."""
    texts, weights = (hub.fetch(part) for part in announce())
    source = f"https://huggingface.co/{REPO}/tree/{WEIGHTS_REVISION}"
    return keep(texts, weights / WEIGHTS, NAME, source)


def from_folder(folder: Path, name: str = NAME) -> Path:
    """The same from a local folder that holds all three files."""
    return keep(folder, folder / WEIGHTS, name, "local folder")


def keep(texts: Path, weights: Path, name: str, source: str) -> Path:
    """Writes the checkpoint; :class:`UserError` if a file is missing or no unfused CLAP."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if missing := [p.name for p in (*(texts / t for t in TEXTS), weights) if not p.is_file()]:
        raise UserError(f"{texts.name} lacks {', '.join(missing)}", "give a complete folder.")
    try:
        config = {"transformers": json.loads((texts / "config.json").read_text("utf-8"))}
        if config["transformers"].get("model_type") != "clap":
            raise ValueError(f"model_type is {config['transformers'].get('model_type')!r}")
        with torch.random.fork_rng(devices=[]):
            model = build(config)
        assert isinstance(model, HubClap)
        missing, extra = model.clap.load_state_dict(load_file(weights), strict=False)
        if odd := [k for k in (*missing, *extra) if not k.endswith(LEFT_OUT)]:
            raise ValueError(f"{len(odd)} weights don't fit, {odd[0]} among them")
    except (RuntimeError, TypeError, ValueError, KeyError, OSError, SafetensorError) as error:
        raise UserError(
            f"{texts.name} holds no CLAP we can read ({str(error)[:200]})", "give another folder."
        ) from error
    meta = checkpoints.Meta(
        family="clap", preset=NAME, config=config, step=0, steps=0, seed=0, metrics={},
        hardware="", seconds=0.0,
        data=({"name": "CLAP (LAION, 2023)", "licence": "Apache-2.0", "source": source},),
        parameters=sum(p.numel() for p in model.parameters()),
        about="Published weights, not trained by us.",
    )  # fmt: skip
    target = checkpoints.home() / "checkpoints" / "clap" / name
    tokenizer = (texts / TOKENIZER).read_bytes()
    return checkpoints.save(target, model.state_dict(), meta, {TOKENIZER: tokenizer})
