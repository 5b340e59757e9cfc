"""Published ViTs: a folder in the hub's layout becomes a checkpoint that equals the original."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from genapp import checkpoints, service
from genapp.attention import Changes
from genapp.errors import UserError
from genapp.families.vit import pictures, pretrained
from genapp.families.vit.attention import Trace
from genapp.families.vit.model import ViT
from genapp.spec import resolve
from genapp.ui.pages import attention_hub

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


@pytest.fixture
def theirs() -> Any:
    from transformers import ViTConfig, ViTForImageClassification

    torch.manual_seed(0)
    config = ViTConfig(
        image_size=32, patch_size=8, hidden_size=24, num_hidden_layers=2, num_attention_heads=3,
        intermediate_size=40, num_labels=5, layer_norm_eps=1e-12, attn_implementation="eager",
    )  # fmt: skip
    model = ViTForImageClassification(config).eval()
    for p in model.parameters():
        p.data.normal_(std=0.2)
    return model


@pytest.fixture
def folder(theirs: Any, tmp_path: Path) -> Path:
    theirs.save_pretrained(tmp_path / "hub")
    about = {"image_mean": MEAN, "image_std": STD, "size": 32}
    (tmp_path / "hub" / "preprocessor_config.json").write_text(json.dumps(about))
    return tmp_path / "hub"


@torch.no_grad()
def test_equals_transformers_with_attention_and_its_own_scaling(theirs: Any, folder: Path) -> None:
    pretrained.from_folder(folder, "tiny")
    loaded = service.models.get("vit", "tiny")
    model: ViT = loaded.model.float()  # type: ignore[assignment]
    pixels = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), np.uint8)
    x = torch.from_numpy(pictures.scaled(pixels))
    y = torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255 - torch.tensor(MEAN)[:, None, None]
    want = theirs(y / torch.tensor(STD)[:, None, None], output_attentions=True)
    assert float((model(x) - want.logits).abs().max()) <= 1e-5
    trace = Trace(model, x, Changes())
    for layer, A in enumerate(want.attentions):
        assert float((trace.weights(layer) - A[0]).abs().max()) <= 1e-5
    assert len(loaded.meta.metrics["classes"]) == 5
    (maps,) = service.attention("vit", "tiny", "china", {})
    assert maps.readout is not None
    assert maps.readout.name(2) == theirs.config.id2label[2]


def test_a_folder_that_is_none_says_what_is_missing(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "hidden_act": "relu"}))
    with pytest.raises(UserError, match="hidden_act"):
        pretrained.from_folder(folder, "tiny")
    (folder / "model.safetensors").write_bytes(b"nonsense")
    with pytest.raises(UserError, match="another folder"):
        pretrained.from_folder(folder, "tiny")
    (folder / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"lacks model\.safetensors"):
        pretrained.from_folder(folder, "tiny")
    assert "tiny" not in checkpoints.find("vit")


def test_offline_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from huggingface_hub import constants

    monkeypatch.setenv("GENAPP_OFFLINE", "1")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf"))
    with pytest.raises(UserError, match="downloads are off"):
        pretrained.announce("vit-base")
    with pytest.raises(UserError, match="choose one of vit-base"):
        pretrained.announce("vit-huge")


def test_every_name_on_the_panel_has_a_pinned_revision() -> None:
    for shelf in attention_hub.SHELVES.values():
        assert set(shelf.names) <= set(resolve(f"{shelf.home}:REVISIONS"))
