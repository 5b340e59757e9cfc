"""Where translators look: their maps, held against the model's own pass, and what changes them."""

from typing import Any

import numpy as np
import pytest
import torch

from genapp import checkpoints, registry, service
from genapp.data import pair_grammar
from genapp.errors import UserError
from genapp.spec import resolve
from genapp.translation import batches, search, vocab

TEXT = "я вижу красную машину."
ENGLISH = "i see the red car."
KINDS = {
    "seq2seq": {"source_vocab": 90, "target_vocab": 90, "width": 24, "dropout": 0.1},
    "transformer": {
        "source_vocab": 90, "target_vocab": 90, "layers": 2, "heads": 2, "width": 16, "inner": 32,
    },
}  # fmt: skip


@pytest.fixture(scope="module", params=KINDS)
def loaded(request: pytest.FixtureRequest) -> service.Loaded:
    """A translator of either kind, with weights large enough that no row is uniform."""
    family, config = request.param, dict(KINDS[request.param])
    if family == "seq2seq":
        config["summary"] = "attention"
    torch.manual_seed(0)
    lines = pair_grammar.sentences("rus", 200)
    sides = [vocab.learn([p.source for p in lines], 90), vocab.learn([p.target for p in lines], 90)]
    config |= {"source_vocab": sides[0].size, "target_vocab": sides[1].size}
    model = resolve(registry.get(family).model)(config).eval().requires_grad_(False)
    for p in model.parameters():
        p.add_(0.2 * torch.randn_like(p))
    meta = checkpoints.Meta(
        family=family, preset="micro", config=config, step=0, steps=0, seed=0, data=(), metrics={},
        hardware="", seconds=0, parameters=0,
    )  # fmt: skip
    files = {"vocab.json": vocab.dump(*sides)}
    return service.Loaded(model=model, meta=meta, files=files, device=torch.device("cpu"))


def maps_of(loaded: service.Loaded, text: str = f"{TEXT}\n{ENGLISH}", **options: Any) -> list[Any]:
    return resolve(registry.get(loaded.meta.family).attention)(loaded, text, options)  # type: ignore[no-any-return]


def test_equal_the_steps_of_decoding(loaded: service.Loaded) -> None:
    foreign, english = (vocab.load(loaded.files["vocab.json"])[i] for i in (0, 1))
    source = batches.sources([foreign.encode(TEXT)])
    told = search.forced(loaded.model, source, english.encode(ENGLISH))
    across = maps_of(loaded)[-1]
    for layer in range(across.layers):
        by_steps = torch.stack([row[layer] for row in told.rows], 1)  # (H, T, S)
        np.testing.assert_allclose(across.layer(layer), by_steps.numpy(), atol=1e-5)
    wanted = [*english.encode(ENGLISH), vocab.EOS]
    said = [across.readout.logp(i)[-1][token] for i, token in enumerate(wanted)]
    assert sum(said) == pytest.approx(told.logp, abs=1e-3)


def test_rows_sum_to_one_and_the_decoder_sees_nothing_later(loaded: service.Loaded) -> None:
    for maps in maps_of(loaded):
        A = maps.layer(maps.layers - 1)
        assert A.shape == (maps.heads, len(maps.queries.tokens), len(maps.keys.tokens))
        np.testing.assert_allclose(A.sum(-1), 1, atol=1e-5)
        if maps.kind == "causal":
            assert not np.triu(A, 1).any()


def test_steps_lead_to_the_weights(loaded: service.Loaded) -> None:
    for maps in maps_of(loaded):
        if maps.steps is not None:
            raw, scaled, masked = maps.steps(1, 1, 2)
            np.testing.assert_allclose(raw, scaled * 8**0.5, rtol=1e-4)
            weights = np.exp(masked - masked.max())
            np.testing.assert_allclose(weights / weights.sum(), maps.layer(1)[1, 2], atol=1e-6)


def test_without_a_second_line_the_model_translates(loaded: service.Loaded) -> None:
    across = maps_of(loaded, TEXT)[-1]
    assert across.queries.tokens[-1] == "</s>"
    assert "own" in across.notice
    assert not maps_of(loaded)[-1].notice


def test_a_hidden_word_is_looked_at_no_more(loaded: service.Loaded) -> None:
    before, after = maps_of(loaded)[-1], maps_of(loaded, hide=[2])[-1]
    assert before.layer(0)[:, :, 2].min() > 0
    assert after.layer(0)[:, :, 2].max() == 0
    assert not np.allclose(before.readout.logp(1), after.readout.logp(1))


def test_hiding_a_written_word_changes_only_what_follows(loaded: service.Loaded) -> None:
    place = maps_of(loaded)[-1].origins[1]  # the second word that is written
    before, after = maps_of(loaded)[-1].readout, maps_of(loaded, hide=[place])[-1].readout
    for row in (0, 1):
        np.testing.assert_allclose(before.logp(row), after.logp(row), atol=1e-5)
    assert not np.allclose(before.logp(3), after.logp(3))


def test_hiding_everything_still_gives_rows(loaded: service.Loaded) -> None:
    S = len(maps_of(loaded)[-1].keys.tokens)
    for maps in maps_of(loaded, hide=list(range(S))):
        np.testing.assert_allclose(maps.layer(0).sum(-1), 1, atol=1e-5)


def test_a_silent_head_leaves_its_layer_and_changes_what_follows(loaded: service.Loaded) -> None:
    maps = maps_of(loaded)[-1]
    silent = maps_of(loaded, ablate=[[maps.first, 0]])[-1]
    np.testing.assert_allclose(maps.layer(0)[:, 0], silent.layer(0)[:, 0], atol=1e-6)
    assert not np.allclose(maps.readout.logp(1)[-1], silent.readout.logp(1)[-1])


def test_swaps_keep_track_of_places(loaded: service.Loaded) -> None:
    before, after = maps_of(loaded)[-1], maps_of(loaded, swap={1: "зелёную"})[-1]
    assert before.key_origins == tuple(range(len(before.keys.tokens)))
    assert sorted(set(after.key_origins)) == list(before.key_origins)
    assert after.queries.tokens == before.queries.tokens


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("  ", {}, "sentence is empty"),
        ("да " * 300, {}, "keep it to 120"),
        (TEXT, {"hide": [999]}, "There is no token 999"),
        (TEXT, {"ablate": [[9, 0]]}, "layer"),
        (TEXT, {"swap": {0: "  "}}, "swap in a word"),
        (TEXT, {"swap": {0: "кот " * 19, 1: "кот " * 19, 2: "кот " * 19}}, "swap in fewer"),
    ],
)
def test_bad_requests(loaded: service.Loaded, text: str, options: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        maps_of(loaded, text, **options)


def test_a_model_without_attention_says_so() -> None:
    with pytest.raises(UserError, match="has no attention"):
        service.attention("seq2seq", "mt-gru-plain", "дом")
