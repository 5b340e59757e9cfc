"""What an answer hangs on: sums that must come out, and changes that must show."""

import time
from typing import Any

import gradio as gr
import numpy as np
import pytest
import torch
from attention_on_toy import TEXT, loaded, maps_of
from torch import Tensor

from genapp import attention_flow as flows
from genapp import attribution, service
from genapp.attention import Attribution, Maps, Readout, Side, changes
from genapp.errors import UserError
from genapp.families.gpt import attribution as gpt
from genapp.families.gpt.attention import Trace
from genapp.families.vit import attention as vit_looking
from genapp.families.vit import attribution as vit
from genapp.families.vit.model import ViT, ViTConfig
from genapp.ui import live_attention
from genapp.ui.pages import attention_api, attention_why
from genapp.ui.pages.attention_panel import Spot

__all__ = ["loaded"]  # a fixture

LAST = len(TEXT) - 1


@pytest.fixture(scope="module")
def seeing() -> vit_looking.Trace:
    """A micro ViT with weights large enough to have preferences, before a random picture."""
    torch.manual_seed(0)
    model = ViT(ViTConfig(image=16, patch=4, width=24, layers=2, heads=3, mlp=48, classes=5))
    model = model.eval().requires_grad_(False)
    for p in model.parameters():
        p.add_(0.15 * torch.randn_like(p))
    made = changes({"hide": [7]}, 17, 2, 3)
    return vit_looking.Trace(model, torch.randn(1, 3, 16, 16), made)


def directional(f: attribution.Score, x: Tensor, base: Tensor, step: float) -> np.ndarray:
    """∂f along each token's own content, by central differences in float64."""
    found = []
    for at in range(len(x)):
        shift = torch.zeros_like(x)
        shift[at] = x[at] - base[at]
        up, down = f(torch.stack([x + step * shift, x - step * shift]))
        found.append(float((up - down) / (2 * step)))
    return np.array(found)


class TestSums:
    def test_integrated_gradients_are_complete(self, loaded: service.Loaded) -> None:
        maps = maps_of(loaded)
        assert maps.attribute is not None
        found = maps.attribute("integrated", LAST)
        assert abs(found.gap) > 0.3, "a flat model would prove nothing"
        assert found.values.sum() == pytest.approx(found.gap, rel=0.01)

    def test_and_for_patches(self, seeing: vit_looking.Trace) -> None:
        found = vit.attribute(seeing, "integrated", 0)
        assert abs(found.gap) > 0.1
        assert found.values.sum() == pytest.approx(found.gap, rel=0.01)
        assert found.values[0] == 0  # [CLS] has no content of its own

    def test_the_score_is_the_models_own(self, loaded: service.Loaded) -> None:
        for options in ({}, {"hide": [4], "ablate": [[1, 2], [0, 0]]}):
            maps = maps_of(loaded, **options)
            assert maps.attribute is not None
            assert maps.readout is not None
            found, logp = maps.attribute("gradient", 9), maps.readout.logp(9)[-1]
            assert found.target == logp.argmax()
            assert found.logp == pytest.approx(logp.max(), abs=1e-5)
            assert not found.values[10:].any()  # what comes later has no say

    def test_gradient_times_input_equals_differences(self, loaded: service.Loaded) -> None:
        trace = trace_of(loaded)
        x, base = gpt.embedded(trace, len(TEXT))
        target = gpt.attribute(trace, "gradient", LAST).target
        double = loaded.model.double()  # type: ignore[union-attr]
        try:
            expected = directional(
                lambda e: gpt.run(trace, e, LAST)[:, target], x.double(), base.double(), 1e-5
            )
        finally:
            double.float()
        found = gpt.attribute(trace, "gradient", LAST).values
        np.testing.assert_allclose(found, expected, atol=2e-4)

    def test_occlusion_by_hand(self, loaded: service.Loaded) -> None:
        trace = trace_of(loaded)
        found = gpt.attribute(trace, "occlusion", LAST)
        x, base = gpt.embedded(trace, len(TEXT))
        x[5] = base[5]
        with torch.no_grad():
            without = float(gpt.run(trace, x[None], LAST)[0, found.target])
        assert found.values[5] == pytest.approx(found.logp - without, abs=1e-5)
        assert np.abs(found.values).max() > 0.05


def trace_of(loaded: service.Loaded, **options: Any) -> Trace:
    from genapp.families.gpt import prompt

    ids = prompt.encode(loaded, TEXT, "auto").body
    made = changes(options, len(ids), 3, 4)
    return Trace(loaded.model, torch.tensor(ids), list(made.hide), made)  # type: ignore[arg-type]


class TestWhatNobodySees:
    @pytest.mark.parametrize("method", ["gradient", "occlusion", "integrated"])
    def test_a_hidden_token_adds_nothing(self, loaded: service.Loaded, method: str) -> None:
        maps = maps_of(loaded, hide=[6])
        assert maps.attribute is not None
        values = maps.attribute(method, LAST).values
        assert values[6] == pytest.approx(0, abs=1e-5)
        assert np.abs(np.delete(values, 6)).max() > 1e-3

    @pytest.mark.parametrize("method", ["gradient", "occlusion", "integrated"])
    def test_nor_does_a_hidden_patch(self, seeing: vit_looking.Trace, method: str) -> None:
        values = vit.attribute(seeing, method, 0).values
        assert values[7] == pytest.approx(0, abs=1e-5)
        assert np.abs(values).max() > 1e-3


class TestGradients:
    def test_gradient_by_a_weight(self, loaded: service.Loaded) -> None:
        """Pushing one weight of the last layer must move the answer as its gradient says."""
        maps = maps_of(loaded)
        assert maps.gradient is not None
        found = maps.gradient(LAST, -1)
        assert [g.shape for g in found] == [(4, len(TEXT), len(TEXT))] * 3
        trace = trace_of(loaded)
        target = gpt.attribute(trace, "gradient", LAST).target
        block = loaded.model.blocks[2]  # type: ignore[index]
        step, (h, k) = 1e-3, (2, 3)

        def answer(shift: float) -> float:
            x = trace.stream(2)
            _, _, v = gpt.project(block.attention, block.norm1(x))
            A = trace.weights(2).clone()
            A[h, LAST, k] += shift
            x = x + block.attention.out((A @ v[0]).transpose(0, 1).reshape(x.shape))
            x = x + block.mlp(block.norm2(x))
            model = loaded.model
            return float(model.head(model.norm(x[0, LAST])).log_softmax(-1)[target])  # type: ignore[union-attr,operator]

        with torch.inference_mode():
            slope = (answer(step) - answer(-step)) / (2 * step)
        assert found[2][h, LAST, k] == pytest.approx(slope, rel=0.02, abs=2e-3)

    def test_weighted_rollout_rows_sum_to_one(self, loaded: service.Loaded) -> None:
        maps = maps_of(loaded)
        assert maps.gradient is not None
        R = None
        for layer, G in enumerate(maps.gradient(9, -1)):
            R = flows.roll(R, flows.weighted(maps.layer(layer), G))
            np.testing.assert_allclose(R.sum(-1), 1, atol=1e-6)
        assert R is not None
        assert not R[np.triu_indices(len(TEXT), 1)].any()
        np.testing.assert_allclose(R[10:], np.eye(len(TEXT))[10:], atol=1e-6)  # later: no say
        assert R[9, 9] < 0.95
        key = live_attention.keep([maps])
        sent = live_attention.answer(key, "gradient", np.float32([[0, 2, 9]]))
        assert np.abs(sent[0] / 255 - R).max() <= 1 / 510 + 1e-6
        other = live_attention.answer(key, "gradient", np.float32([[0, 2, 12]]))
        assert (other != sent).any()

    def test_negative_evidence_is_left_out(self) -> None:
        A, G = np.full((1, 2, 2), 0.5), np.array([[[1.0, -1.0], [-1.0, -2.0]]])
        np.testing.assert_array_equal(flows.weighted(A, G), [[1, 0], [0, 0]])

    def test_patches_roll_too(self, seeing: vit_looking.Trace) -> None:
        found = vit.gradient(seeing, 0, -1)
        assert [tuple(g.shape) for g in found] == [(3, 17, 17)] * 2
        assert not found[1][:, 1:].any()  # the last layer's other rows aren't read
        assert found[1][:, 0].abs().max() > 1e-4

    def test_shared_weights_stay_as_they_are(self, loaded: service.Loaded) -> None:
        maps = maps_of(loaded)
        assert maps.gradient is not None
        assert maps.attribute is not None
        maps.gradient(3, -1)
        maps.attribute("integrated", 3)
        for p in loaded.model.parameters():  # type: ignore[union-attr]
            assert p.grad is None
            assert not p.requires_grad


class TestPanel:
    @pytest.mark.parametrize("method", ["gradient", "occlusion", "integrated"])
    def test_a_bar_a_token(self, loaded: service.Loaded, method: str) -> None:
        text = attention_why.words([maps_of(loaded)], Spot(0, LAST), method)
        assert text.count('scope="row"') == len(TEXT)
        assert ("Completeness: ✓" in text) == (method == "integrated")
        assert attention_why.words([maps_of(loaded)], Spot(0, LAST), attention_why.OFF) == ""

    def test_patches_are_tinted_on_their_picture(self) -> None:
        side = Side(
            tokens=("[CLS]", "1,1", "1,2", "2,1", "2,2"), kinds=("special", *["patch"] * 4),
            grid=(2, 2), image=b"\x89PNG...",
        )  # fmt: skip
        made = Attribution(values=np.float32([0, 0.1, -0.4, 0.2, 0]), target=1, logp=-1.0, gap=-0.1)
        maps = Maps(
            queries=side, keys=side, kind="self", title="ViT", layers=1, heads=1,
            layer=lambda _: np.eye(5, dtype=np.float32)[None], attribute=lambda method, at: made,
            readout=Readout(logp=lambda _: np.zeros((2, 3), np.float32), name=str),
        )  # fmt: skip
        text = attention_why.words([maps], Spot(0, 0), "integrated")
        assert text.count('<i class="more"') == 3
        assert text.count('<i class="less" style="--p: 1.00"') == 1
        assert "row 2, column 1" in text
        assert "data:image/png" in text
        assert "Completeness: ✓" in text

    def test_what_cannot_be_had_says_so(self, loaded: service.Loaded) -> None:
        maps = maps_of(loaded)
        assert maps.attribute is not None
        with pytest.raises(UserError, match="use one of gradient, occlusion, integrated"):
            maps.attribute("saliency", 3)
        x = torch.zeros(500, 4)
        with pytest.raises(UserError, match="500 passes over 500 tokens"):
            attribution.explain("occlusion", lambda e: e[:, 0, 0], x, x, 10**7, 0)

    def test_in_time(self) -> None:
        """≤ 1 s of the processor at 64 tokens is the goal; the bound here only catches blunders."""
        text = "The wolf saw the lamb and the lamb saw the wolf. " * 5
        (maps,) = service.attention("gpt", "gpt-mini", text)
        T = min(64, len(maps.queries.tokens))
        assert T > 50
        assert maps.attribute is not None
        for method in ("gradient", "occlusion", "integrated"):
            began = time.thread_time()
            found = maps.attribute(method, T - 1)
            took = time.thread_time() - began
            print(f"{method}: {T} tokens, {took:.2f} s")
            assert took < 20
            assert np.isfinite(found.values).all()


class TestEndpoint:
    def test_reasons(self) -> None:
        got = attention_api.attention_reasons("The wolf saw the", token=2)
        assert got["tokens"][:3] == ["<|endoftext|>", "The", " wolf"]
        assert sum(got["values"]) == pytest.approx(got["gain"], rel=0.01)
        assert not any(got["values"][3:])
        assert got["logp"] < 0
        last = attention_api.attention_reasons("The wolf saw the", "occlusion")
        assert last["values"][-1]

    @pytest.mark.parametrize(
        ("wrong", "words"),
        [({"method": "x"}, "use one of gradient"), ({"token": 99}, "no token 99"),
         ({"family": "nobody"}, "Unknown family"),
         ({"family": "seq2seq", "checkpoint": "mt-gru-attn"}, "no attributions")],
    )  # fmt: skip
    def test_refuses_in_words(self, wrong: dict[str, Any], words: str) -> None:
        with pytest.raises(gr.Error, match=words):
            attention_api.attention_reasons(**{"text": "я вижу дом.", **wrong})
