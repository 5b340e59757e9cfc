"""Norms and whole blocks: the sources' worked numbers, parameter counts, torch's own layers."""

import math

import numpy as np
import pytest

from genapp.mechanics import blocks, norms


def near(expected: object, digits: int = 3) -> object:
    return pytest.approx(np.asarray(expected), abs=0.51 * 10**-digits)


class TestNorms:
    X = np.array([[1.0, 2, 6], [2, 1, 2], [0, 4, 5], [1, 2, 4], [2, 3, 3]])

    def test_table(self) -> None:
        assert self.X.mean(0) == near([1.2, 2.4, 4.0])
        assert self.X.std(0) == near([0.748, 1.020, 1.414])
        assert self.X.mean(1) == near([3, 1.667, 3, 2.333, 2.667])
        assert self.X.std(1) == near([2.160, 0.471, 2.160, 1.247, 0.471])

    @pytest.mark.parametrize("kind", norms.KINDS)
    def test_lit_cells_decide(self, kind: str) -> None:
        rng = np.random.default_rng(13)
        x, at = rng.standard_normal((3, 4, 6)), (1, 2, 3)
        lit = norms.cells(x.shape, at, kind)
        assert lit[at]
        noise = rng.standard_normal(x.shape)
        before = norms.normalise(x, kind)[at]
        assert norms.normalise(np.where(lit, x, x + noise), kind)[at] == before
        nudged = np.where(lit, x + 0.5 * noise, x)
        nudged[at] = x[at]
        assert norms.normalise(nudged, kind)[at] != before

    def test_equals_torch(self) -> None:
        import torch
        from torch import nn

        x = np.random.default_rng(14).standard_normal((3, 4, 6)).astype(np.float32)
        t = torch.from_numpy(x)
        theirs = {
            "layer": nn.LayerNorm(6)(t),
            "batch": nn.BatchNorm1d(6)(t.mT).mT,
            "instance": nn.InstanceNorm1d(6)(t.mT).mT,
            "group": nn.GroupNorm(2, 6)(t.mT).mT,
            "rms": nn.RMSNorm(6, eps=1e-5)(t),
        }
        for kind, want in theirs.items():
            got = norms.normalise(x.astype(np.float64), kind)
            np.testing.assert_allclose(got, want.detach().numpy(), atol=2e-5, err_msg=kind)

    def test_one_alone(self) -> None:
        one = norms.normalise(self.X[:1, None], "batch")
        assert not one.any()  # nothing left of it

    def test_gradients(self) -> None:
        import torch

        x = torch.randn(8, dtype=torch.float64, requires_grad=True)
        g = np.random.default_rng(15).standard_normal(8)
        torch.nn.functional.layer_norm(x, (8,)).backward(torch.from_numpy(g))
        np.testing.assert_allclose(norms.layer_norm_vjp(x.detach().numpy(), g), x.grad)

    @pytest.mark.parametrize("layers", [6, 24])
    def test_post_norm_ends_steep(self, layers: int) -> None:
        post, pre = (
            np.mean([norms.gradient_norms(order, layers, 64, s)[-1] for s in range(8)])
            for order in ("post", "pre")
        )
        assert post / pre == pytest.approx(math.sqrt((layers + 1) / 2), rel=0.15)

    @pytest.mark.parametrize("order", ["pre", "post"])
    def test_stack_gradient_is_torchs(self, order: str) -> None:
        import torch
        from torch.nn.functional import layer_norm

        rng = np.random.default_rng(16)
        Ws, start, g = rng.standard_normal((3, 5, 5)), rng.standard_normal(5), np.arange(5.0)
        W = torch.from_numpy(Ws).requires_grad_()
        x = layer_norm(torch.from_numpy(start), (5,))
        for one in W:
            after = x + one @ x if order == "post" else x + one @ layer_norm(x, (5,))
            x = layer_norm(after, (5,)) if order == "post" else after
        x = layer_norm(x, (5,)) if order == "pre" else x
        (x @ torch.from_numpy(g)).backward()
        got = norms.stack_gradients(order, Ws, start, g)
        np.testing.assert_allclose(got, W.grad.flatten(1).norm(dim=1), rtol=1e-9)


class TestBlocks:
    def test_one_layer(self) -> None:
        import torch

        with torch.device("meta"):
            encoder = torch.nn.TransformerEncoderLayer(512, 8, 2048)
            decoder = torch.nn.TransformerDecoderLayer(512, 8, 2048)
        theirs = [sum(p.numel() for p in m.parameters()) for m in (encoder, decoder)]
        assert theirs == [3_152_384, 4_204_032]
        assert blocks.total(blocks.Stack(encoder=1)) == 3_152_384
        assert blocks.total(blocks.Stack(decoder=1)) == 4_204_032
        bare = blocks.Stack(encoder=1, attention_bias=False)
        assert blocks.total(bare) == 3_150_336
        no_wo = blocks.Stack(encoder=1, attention_bias=False, output_projection=False)
        assert blocks.total(no_wo) == 2_888_192

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("Transformer base", 44_138_496),
            ("BERT base", 109_482_240),
            ("DistilBERT", 66_362_880),
            ("GPT-1", 116_534_784),
            ("GPT-2", 124_439_808),
            ("GPT-2 medium", 354_823_168),
            ("GPT-2 large", 774_030_080),
            ("GPT-2 XL", 1_557_611_200),
            ("BART base", 139_420_416),
        ],
    )
    def test_known_models(self, name: str, expected: int) -> None:
        assert blocks.total(blocks.KNOWN[name]) == expected

    def test_pretraining(self) -> None:
        bert = blocks.KNOWN["BERT base"]
        assert blocks.total(bert) + blocks.pretraining_heads(bert) == 110_106_428

    def test_torch_base_has_final_norms(self) -> None:
        final = blocks.Stack(encoder=6, decoder=6, final_norm=True)
        assert blocks.total(final) == 44_140_544
