"""Patches: sizes everyone meets, and what surroundings do to a convolution and to attention."""

import base64
import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from genapp import checkpoints, service
from genapp.data import photos
from genapp.errors import UserError
from genapp.families.vit import patches, tab
from genapp.families.vit.model import ViT, ViTConfig

TINY = {"image": 16, "patch": 4, "width": 24, "layers": 2, "heads": 3, "mlp": 40, "classes": 5}


@pytest.fixture
def loaded() -> service.Loaded:
    torch.manual_seed(0)
    model = ViT(ViTConfig(**TINY)).eval()  # type: ignore[arg-type]
    for p in model.parameters():
        p.data.normal_(std=0.3)
    meta = checkpoints.Meta(
        family="vit", preset="micro", config=TINY, step=0, steps=0, seed=0, data=(),
        metrics={}, hardware="", seconds=0, parameters=0,
    )  # fmt: skip
    return service.Loaded(model=model, meta=meta, files={}, device=torch.device("cpu"))


@pytest.mark.parametrize(
    ("image", "patch", "tokens", "numbers"),
    [(256, 64, 16, 12_288), (224, 16, 196, 768), (384, 16, 576, 768), (32, 4, 64, 48)],
)
def test_a_picture_becomes_so_many_tokens(
    image: int, patch: int, tokens: int, numbers: int
) -> None:
    config = ViTConfig(image=image, patch=patch, width=12, layers=1, heads=3, mlp=12)
    model = ViT(config)
    assert config.side**2 == tokens
    assert model.patches.weight[0].numel() == numbers
    assert model.embed(torch.zeros(1, 3, image, image)).shape == (1, tokens + 1, 12)
    assert len(model.positions) == tokens + 1  # 577 for 384 pixels


def test_surroundings_reach_attention_but_no_convolution(loaded: service.Loaded) -> None:
    model: ViT = loaded.model  # type: ignore[assignment]
    rng = np.random.default_rng(0)
    here, there = rng.integers(0, 256, (2, 16, 16, 3), np.uint8)
    for patch in (0, 5, 15):
        mixed = patches.pasted(here, there, patch, model)
        row, column = (4 * i for i in divmod(patch, 4))
        window = np.s_[row : row + 4, column : column + 4]
        assert (mixed[window] == here[window]).all()
        assert (mixed != there).any(axis=2).sum() <= 16
        x = torch.cat([patches.tensor(p, loaded) for p in (here, mixed)])
        convolved, attended, last = patches.compare(model, x, patch)
        assert convolved.apart <= 1e-6
        assert convolved.here == pytest.approx(convolved.there, abs=1e-6)
        assert attended.apart > 1e-2
        assert last.apart > 1e-2
        same = patches.compare(model, torch.cat([x[:1], x[:1]]), patch)
        assert max(row.apart for row in same) <= 1e-5


def test_comparison_is_of_the_vectors_the_model_computes(loaded: service.Loaded) -> None:
    model: ViT = loaded.model  # type: ignore[assignment]
    rows = patches.in_two_contexts(loaded, "china", "flower", 6)
    pixels = patches.pictures.pixels(patches.pictures.opened("china"), model.config)
    stream = model.embed(patches.tensor(pixels, loaded))
    for block in model.blocks:
        stream = block(stream)
    assert rows[-1].here == pytest.approx(stream[0, 7, :3].tolist(), abs=1e-4)


def test_looks_are_the_mean_of_the_heads(loaded: service.Loaded) -> None:
    A = patches.looks(loaded, "china")
    assert A.shape == (2, 17, 17)
    assert np.abs(A.sum(-1) - 1).max() <= 1e-5


@pytest.mark.parametrize("patch", [-1, 16])
def test_a_patch_that_is_not_there(loaded: service.Loaded, patch: int) -> None:
    with pytest.raises(UserError, match="give 0 to 15"):
        patches.in_two_contexts(loaded, "china", "flower", patch)


def test_photographs_are_in_installed_packages() -> None:
    names = [name for _, name in photos.menu()]
    assert {"china", "flower"} <= set(names)
    for name in names:
        assert min(photos.photo(name).size) >= 128
    with pytest.raises(UserError, match="china"):
        photos.photo("nowhere")


class TestTab:
    def test_value_carries_the_pass(self, loaded: service.Loaded, monkeypatch) -> None:  # type: ignore[no-untyped-def]
        monkeypatch.setattr(tab, "model", lambda: loaded)
        value = tab.drawn("flower")
        data = json.loads(value["data"])
        weights = np.frombuffer(base64.b64decode(value["weights"]), "<u2").reshape(2, 17, 17)
        assert np.abs(weights / 65_535 - patches.looks(loaded, "flower")).max() <= 1 / 65_535
        assert (data["N"], data["extra"], data["layers"]) == (4, 1, 2)
        picture = Image.open(io.BytesIO(base64.b64decode(data["image"].partition(",")[2])))
        assert picture.size == (256, 256)
        assert data["image"] != data["other"]

    def test_without_a_model_the_cut_is_there_and_says_why(self, monkeypatch) -> None:  # type: ignore[no-untyped-def]
        monkeypatch.setattr(tab, "model", lambda: None)
        value = tab.drawn("china")
        assert value["weights"] == ""
        assert "Train page" in json.loads(value["data"])["words"]

    def test_the_browsers_question(self, loaded: service.Loaded, monkeypatch) -> None:  # type: ignore[no-untyped-def]
        monkeypatch.setattr(tab, "model", lambda: loaded)
        rows = tab.two_contexts({"picture": "china", "patch": 3})["rows"]
        assert [r["apart"] > 1e-6 for r in rows] == [False, True, True]
        for bad in ({}, {"picture": "china", "patch": "x"}, {"picture": "china", "patch": 99},
                    {"picture": "nowhere", "patch": 1}):  # fmt: skip
            assert "—" in tab.two_contexts(bad)["error"] or "give" in tab.two_contexts(bad)["error"]
