"""A tiny GPT of uneven heads, and maps of any size, for the attention tests."""

from typing import Any

import numpy as np
import pytest
import torch

from genapp import checkpoints, service
from genapp.attention import Maps, Side
from genapp.families.gpt import attention as looking
from genapp.families.gpt.model import GPT, GPTConfig
from genapp.families.gpt.tokenizer import Characters

LETTERS = "abcdefghijklmnopqrstuvwxyz ."
TEXT = "the fox met the crow."
SHAPE = GPTConfig(layers=3, heads=4, width=32, context=48, vocab=len(LETTERS))


@pytest.fixture(scope="module")
def loaded() -> service.Loaded:
    """A GPT with weights large enough that no head is uniform."""
    torch.manual_seed(0)
    model = GPT(SHAPE).eval().requires_grad_(False)
    for p in model.parameters():
        p.add_(0.15 * torch.randn_like(p))
    meta = checkpoints.Meta(
        family="gpt", preset="micro", config={}, step=0, steps=0, seed=0, data=(), metrics={},
        hardware="", seconds=0, parameters=0,
    )  # fmt: skip
    files = {"tokenizer.json": Characters(LETTERS).dump()}
    return service.Loaded(model=model, meta=meta, files=files, device=torch.device("cpu"))


def maps_of(loaded: service.Loaded, text: str = TEXT, **options: Any) -> Maps:
    (maps,) = looking.attention(loaded, text, options)
    return maps


def maps_for(T: int, kind: str = "self", layers: int = 2, heads: int = 2) -> Maps:
    side = Side(tokens=tuple(f"t{i}" for i in range(T)))
    A = np.full((heads, T, T), 1 / T, np.float32)
    return Maps(
        queries=side, keys=side, kind=kind, title="Toy", layers=layers, heads=heads,
        layer=lambda _: A,
    )  # fmt: skip
