"""Attention from a model to the page: weights, what is derived from them, and bad requests."""

from typing import Any

import numpy as np
import pytest
import torch
from attention_on_toy import LETTERS, SHAPE, TEXT, loaded, maps_for, maps_of

from genapp import attention_flow as flows
from genapp import checkpoints, registry, service
from genapp.attention import Side, changes
from genapp.errors import UserError
from genapp.families.gpt import attention as looking
from genapp.families.gpt.model import GPT, GPTConfig
from genapp.families.gpt.tokenizer import Characters

__all__ = ["loaded"]  # a fixture


def trace_of(loaded: service.Loaded, **options: Any) -> looking.Trace:
    ids = torch.tensor(Characters(LETTERS).encode(TEXT))
    made = changes(options, len(ids), SHAPE.layers, SHAPE.heads)
    return looking.Trace(loaded.model, ids, list(made.hide), made)  # type: ignore[arg-type]


class TestWeights:
    def test_rows_sum_to_one_and_see_nothing_later(self, loaded: service.Loaded) -> None:
        maps = maps_of(loaded)
        T = len(TEXT)
        for layer in range(maps.layers):
            A = maps.layer(layer)
            assert A.shape == (4, T, T)
            assert A.dtype == np.float32
            np.testing.assert_allclose(A.sum(-1), 1, atol=1e-3)
            assert not A[:, *np.triu_indices(T, 1)].any()
            assert A.std() > 0.05, "a model of uniform heads would prove nothing"

    def test_quantised_error(self, loaded: service.Loaded) -> None:
        A = maps_of(loaded).layer(1)
        assert np.abs(flows.quantise(A) / 255 - A).max() <= 1 / 510 + 1e-7

    def test_explicit_equals_the_fused_kernel(self, loaded: service.Loaded) -> None:
        trace, model = trace_of(loaded), loaded.model
        for layer, block in enumerate(model.blocks):  # type: ignore[arg-type]
            x = block.norm1(trace.stream(layer))
            _, _, v = looking.project(block.attention, x)
            y = (trace.weights(layer) @ v[0]).transpose(0, 1).reshape(x.shape)
            fused = block.attention(x, None, layer, 0)
            torch.testing.assert_close(block.attention.out(y), fused, atol=1e-5, rtol=0)
        ids = torch.tensor([Characters(LETTERS).encode(TEXT)])
        logits = model(ids)[0, -1].log_softmax(-1)
        torch.testing.assert_close(trace.logp(len(TEXT) - 1)[-1], logits, atol=1e-4, rtol=0)

    def test_equals_transformers(self) -> None:
        from transformers import GPT2Config, GPT2LMHeadModel

        from genapp.families.gpt.pretrained import convert

        config = GPT2Config(
            n_layer=2, n_head=2, n_embd=16, n_positions=24, vocab_size=40,
            attn_implementation="eager", initializer_range=0.5,
        )  # fmt: skip
        theirs = GPT2LMHeadModel(config).eval()
        ours = GPT(GPTConfig(layers=2, heads=2, width=16, context=24, vocab=40)).eval()
        ours.load_state_dict(convert(theirs.state_dict()))
        ids = torch.randint(0, 40, (20,), generator=torch.Generator().manual_seed(1))
        trace = looking.Trace(ours, ids, [], changes({}, 20, 2, 2))
        expected = theirs(ids[None], output_attentions=True).attentions
        for layer in range(2):
            torch.testing.assert_close(
                trace.weights(layer), expected[layer][0].detach(), atol=1e-5, rtol=0
            )

    def test_steps_lead_to_the_weights(self, loaded: service.Loaded) -> None:
        maps = maps_of(loaded)
        assert maps.steps is not None
        raw, scaled, masked = maps.steps(2, 1, 7)
        np.testing.assert_allclose(scaled, raw / np.sqrt(32 / 4), rtol=1e-5)
        assert np.isneginf(masked[8:]).all()
        e = np.exp(masked - masked.max())
        np.testing.assert_allclose(e / e.sum(), maps.layer(2)[1, 7], atol=1e-6)


class TestInterventions:
    def test_all_heads_silent_leave_the_output_bias(self, loaded: service.Loaded) -> None:
        silent = trace_of(loaded, ablate=[[1, h] for h in range(4)])
        block = loaded.model.blocks[1]  # type: ignore[index]
        x = silent.stream(1) + block.attention.out.bias  # type: ignore[union-attr,operator]
        expected = x + block.mlp(block.norm2(x))  # type: ignore[operator]
        torch.testing.assert_close(silent.stream(2), expected, atol=1e-6, rtol=0)
        assert not torch.allclose(silent.stream(2), trace_of(loaded).stream(2), atol=1e-2)

    def test_one_silent_head_changes_only_what_follows(self, loaded: service.Loaded) -> None:
        before, after = maps_of(loaded), maps_of(loaded, ablate=[[1, 2]])
        for layer in (0, 1):
            np.testing.assert_array_equal(after.layer(layer), before.layer(layer))
        assert np.abs(after.layer(2) - before.layer(2)).max() > 1e-3

    def test_a_hidden_token_is_seen_by_itself_alone(self, loaded: service.Loaded) -> None:
        before, after = maps_of(loaded), maps_of(loaded, hide=[4])
        for layer in range(3):
            A = after.layer(layer)
            others = np.delete(A[:, :, 4], 4, axis=1)
            assert not others.any()
            np.testing.assert_allclose(A.sum(-1), 1, atol=1e-3)
            np.testing.assert_array_equal(A[:, :5], before.layer(layer)[:, :5])  # it knows no later
        assert before.readout is not None
        assert after.readout is not None
        last = len(TEXT) - 1
        assert np.abs(after.readout.logp(last) - before.readout.logp(last)).max() > 1e-3

    def test_a_swap_keeps_track_of_places(self, loaded: service.Loaded) -> None:
        maps = maps_of(loaded, swap={0: "wo", "20": "y"})
        assert "".join(maps.queries.tokens) == "wohe fox met the crowy"
        assert maps.origins[:4] == (0, 0, 1, 2)
        assert maps_of(loaded, swap={0: "wo"}, hide=[1]).layer(0)[:, -1, 2].max() == 0

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"ablate": [[3, 0]]}, "no layer 3"),
            ({"ablate": [[0, 4]]}, "no head 4"),
            ({"ablate": [5]}, "can't be read"),
            ({"ablate": "all"}, "can't be read"),
            ({"hide": [99]}, "no token 99"),
            ({"hide": ["x"]}, "no number"),
            ({"hide": [0] * 5000}, "can't be read"),
            ({"swap": {0: "é"}}, "can't read"),
            ({"swap": {0: "a" * 81}}, "is long"),
            ({"swap": {0: "a" * 40}}, "too long"),
            ({"swap": ["a"]}, "can't be read"),
        ],
    )
    def test_bad_changes(self, loaded: service.Loaded, options: Any, words: str) -> None:
        with pytest.raises(UserError, match=words):
            looking.attention(loaded, TEXT, options)

    def test_bad_text(self, loaded: service.Loaded) -> None:
        with pytest.raises(UserError, match="There is no text"):
            looking.attention(loaded, "  ", {})
        with pytest.raises(UserError, match="none of the characters"):
            looking.attention(loaded, "ДОМ", {})

    def test_a_long_text_says_what_was_cut(self, loaded: service.Loaded) -> None:
        maps = maps_of(loaded, "a fox and a crow " * 9)
        assert len(maps.queries.tokens) < SHAPE.context
        assert "sees the last" in maps.notice


class TestFlow:
    def stack(self, L: int = 4, H: int = 3, T: int = 9) -> list[np.ndarray]:
        rng = np.random.default_rng(0)
        return [rng.dirichlet(np.full(T, 0.3), (H, T)) for _ in range(L)]

    @pytest.mark.parametrize("how", ["mean", "max", "min"])
    @pytest.mark.parametrize("discard", [0.0, 0.5])
    def test_rollout_rows_sum_to_one(self, how: flows.How, discard: float) -> None:
        R = flows.rollout(self.stack(), how, discard)
        np.testing.assert_allclose(R.sum(-1), 1, atol=1e-7)
        assert (R >= 0).all()

    def test_rollout_of_identity_is_identity(self) -> None:
        np.testing.assert_allclose(flows.rollout([np.eye(6)[None]] * 5), np.eye(6), atol=1e-12)

    def test_one_layer_without_residual_is_the_layer(self) -> None:
        A = self.stack(1, 1)[0]
        np.testing.assert_allclose(flows.rollout([A], residual=False), A[0], atol=1e-7)

    def test_rollout_by_hand(self) -> None:
        A = np.array([[[1.0, 0.0], [0.5, 0.5]]])
        half = np.array([[1.0, 0.0], [0.25, 0.75]])
        np.testing.assert_allclose(flows.rollout([A, A]), half @ half, atol=1e-12)

    def test_flow_of_identity_and_by_hand(self) -> None:
        np.testing.assert_allclose(flows.flow([np.eye(4)[None]] * 3), np.eye(4), atol=1e-6)
        A = np.array([[[1.0, 0.0], [0.5, 0.5]]])
        # pipes 0.25 and 0.75 leave token 1; to input 0: 0.25 through token 0, and of the 0.75
        # through token 1 the 0.25 that go on to input 0. To input 1: 0.75.
        F = flows.flow([A, A])
        np.testing.assert_allclose(F[1], np.array([0.5, 0.75]) / 1.25, atol=1e-5)

    def test_flow_refuses_long_texts(self) -> None:
        with pytest.raises(ValueError, match="33 tokens"):
            flows.flow([np.eye(33)[None]])

    def test_chain_equals_rollout(self) -> None:
        stack = self.stack()
        chain = flows.Chain(lambda i: stack[i], "mean", 0.0)
        np.testing.assert_allclose(chain.through(3), flows.rollout(stack), atol=1e-6)
        np.testing.assert_allclose(chain.through(1), flows.rollout(stack[:2]), atol=1e-6)

    def test_statistics(self) -> None:
        uniform, one = np.full((1, 8, 8), 1 / 8), np.eye(8)[None]
        assert flows.entropy(uniform)[0] == pytest.approx(np.log(8))
        assert flows.entropy(one)[0] == pytest.approx(0, abs=1e-6)
        places = Side(tokens=tuple("abcdefgh")).where()
        D = flows.distances(places, places)
        assert flows.reach(one, D)[0] == 0
        assert flows.reach(np.eye(8)[None, ::-1], D)[0] == pytest.approx(4)
        shares = flows.distance_shares(np.eye(8, k=-1)[None], D, [0.0, 1, 2, 4])
        np.testing.assert_allclose(shares, [[0, 1, 0, 0]])
        chosen = np.arange(8) < 2
        assert flows.share_to(uniform, chosen)[0] == pytest.approx(0.25)

    def test_patches_lie_on_a_grid(self) -> None:
        side = Side(tokens=("[CLS]", *"abcdef"), kinds=("special", *["patch"] * 6), grid=(2, 3))
        D = flows.distances(side.where(), side.where())
        assert D[1, 6] == pytest.approx(np.hypot(1, 2))
        assert np.isnan(D[0]).all()
        assert np.isfinite(flows.reach(np.full((1, 7, 7), 1 / 7), D)).all()

    def test_thumbnails_keep_the_brightest(self) -> None:
        A = np.zeros((2, 100, 70))
        A[1, 99, 3] = 0.9
        small = flows.shrink(A, 16)
        assert small.shape == (2, 16, 16)
        assert small[1, 15, 0] == 0.9
        assert small[0].max() == 0
        assert flows.shrink(A, 512).shape == A.shape


class TestContract:
    def test_what_does_not_fit_is_named(self) -> None:
        with pytest.raises(ValueError, match="tokens is empty"):
            Side(tokens=())
        with pytest.raises(ValueError, match="2 kinds for 1 tokens"):
            Side(tokens=("a",), kinds=("word", "word"))
        with pytest.raises(ValueError, match="'letter'"):
            Side(tokens=("a",), kinds=("letter",))
        with pytest.raises(ValueError, match="grid"):
            Side(tokens=("a",), kinds=("patch",), grid=(2, 2))
        with pytest.raises(ValueError, match="kind is 'full'"):
            maps_for(1, kind="full")

    def test_families_without_attention_say_so(self) -> None:
        with pytest.raises(UserError, match=r"shows no attention — choose one of .*gpt"):
            service.attention("autoencoders", "ae-conv", "a text")
        with pytest.raises(UserError, match="Unknown family"):
            service.attention("nobody", "x", "a text")

    def test_the_declared_attention_answers(self) -> None:
        for spec in registry.all_families().values():
            for name in list(checkpoints.find(spec.name))[:1] if spec.attention else ():
                asked = "china" if spec.sees == "picture" else "the fox and the crow"
                for maps in service.attention(spec.name, name, asked):
                    A = maps.layer(maps.layers - 1)
                    assert A.shape == (
                        maps.heads, len(maps.queries.tokens), len(maps.keys.tokens),
                    )  # fmt: skip
                    np.testing.assert_allclose(A.sum(-1), 1, atol=1e-3)
