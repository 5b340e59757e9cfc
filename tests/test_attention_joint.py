"""Queries and keys in one plane; what covering a part of a picture takes from the answer."""

import numpy as np
import pytest
import torch
from test_patches import loaded

from genapp import attention_joint as joint
from genapp import service
from genapp.errors import UserError
from genapp.families.vit import attention, patches, pictures
from genapp.families.vit.model import ViT, ViTConfig
from genapp.ui import live_attention

__all__ = ["loaded"]  # a fixture


def softmax(scores: np.ndarray) -> np.ndarray:
    e = np.exp(scores - scores.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def test_bringing_them_together_leaves_the_weights() -> None:
    rng = np.random.default_rng(0)
    q, k = rng.normal(3, 2, (7, 6)), rng.normal(-1, 0.1, (9, 6))
    a, b = joint.brought_together(q, k)
    np.testing.assert_allclose(softmax(a @ b.T), softmax(q @ k.T), atol=1e-10)
    np.testing.assert_allclose(a.mean(0), b.mean(0), atol=1e-10)
    spread = [np.sqrt(((x - x.mean(0)) ** 2).sum(1).mean()) for x in (a, b)]
    assert spread[0] == pytest.approx(spread[1])


def test_the_plane_is_the_principal_one() -> None:
    from sklearn.decomposition import PCA

    rng = np.random.default_rng(1)
    q, k = rng.normal(size=(20, 8)), rng.normal(size=(20, 8)) * np.arange(1, 9)
    found = joint.plane(q, k)
    both = np.concatenate(joint.brought_together(q, k))
    pca = PCA(2).fit(both)
    ours = np.concatenate([found.queries, found.keys])
    np.testing.assert_allclose(np.abs(ours), np.abs(pca.transform(both)), atol=1e-8)
    assert found.share == pytest.approx(pca.explained_variance_ratio_.sum())
    flat = joint.plane(np.ones((3, 4)), np.ones((3, 4)))  # nothing to tell apart
    assert np.isfinite(flat.queries).all()


def test_strongest_pairs() -> None:
    A = np.array([[0.1, 0.9], [0.6, 0.4]])
    np.testing.assert_allclose(joint.strongest(A, 3), [[0, 1, 0.9], [1, 0, 0.6], [1, 1, 0.4]])
    assert len(joint.strongest(A, 99)) == 4


class TestPass:
    def test_vectors_make_the_weights(self, loaded: service.Loaded) -> None:
        (maps,) = attention.attention(loaded, "china", {})
        assert maps.vectors is not None
        for layer, head in ((0, 0), (1, 2)):
            both = maps.vectors(layer, head)
            q, k = both[:17], both[17:]
            np.testing.assert_allclose(
                softmax(q @ k.T / np.sqrt(8)), maps.layer(layer)[head], atol=1e-5
            )

    def test_covering_is_painting_over(self, loaded: service.Loaded) -> None:
        (maps,) = attention.attention(loaded, "china", {})
        assert maps.occlude is not None
        lost = maps.occlude()
        assert lost.shape == (17,)
        assert lost[0] == 0
        model: ViT = loaded.model  # type: ignore[assignment]
        x = patches.tensor(pictures.pixels(pictures.opened("china"), model.config), loaded)
        with torch.inference_mode():
            whole = model(x).log_softmax(-1)[0]
            best = int(whole.argmax())
            y = x.clone()
            y[0, :, 4:8, 8:12] = x[0].mean((1, 2))[:, None, None]  # row 2, column 3
            less = model(y).log_softmax(-1)[0]
        assert lost[1 + 6] == pytest.approx(float(whole[best] - less[best]), abs=1e-4)

    def test_a_large_picture_is_covered_in_squares(self) -> None:
        torch.manual_seed(0)
        config = ViTConfig(image=40, patch=4, width=12, layers=1, heads=3, mlp=12)
        model = ViT(config).eval()
        for p in model.parameters():
            p.data.normal_(std=0.3)
        lost = attention.covered(model, torch.randn(1, 3, 40, 40))[1:].reshape(10, 10)
        assert torch.equal(lost[0::2, 0::2], lost[1::2, 1::2])
        assert len(lost.unique()) == 25

    def test_route(self, loaded: service.Loaded) -> None:
        maps = attention.attention(loaded, "china", {})
        key = live_attention.keep(maps)

        def ask(op: str, *numbers: float) -> np.ndarray:
            return live_attention.answer(key, op, np.array([numbers], np.float32))

        got = ask("joint", 0, 1, 2)
        assert got.shape == (1 + 34 + live_attention.PAIRS, 3)
        assert 0 < got[0, 0] <= 1
        q, k, w = got[35]
        A = maps[0].layer(1)[2]
        assert w == pytest.approx(A.max())
        assert A[int(q), int(k)] == pytest.approx(A.max())
        np.testing.assert_array_equal(ask("occlude", 0), maps[0].occlude())  # type: ignore[misc]
        for op, numbers in (("joint", (0, 9, 0)), ("joint", (0, 0, 3)), ("joint", (0, 0))):
            with pytest.raises(UserError, match=r"give|send"):
                ask(op, *numbers)

    def test_a_model_without_them_says_so(self) -> None:
        from genapp.attention import Maps, Side

        side = Side(tokens=("a", "b"))
        maps = Maps(queries=side, keys=side, kind="self", title="", layers=1, heads=1,
                    layer=lambda i: np.full((1, 2, 2), 0.5))  # fmt: skip
        key = live_attention.keep([maps])
        for op, numbers in (("joint", [0, 0, 0]), ("occlude", [0])):
            with pytest.raises(UserError, match="choose"):
                live_attention.answer(key, op, np.array([numbers], np.float32))
