"""BERT: its size, what is hidden from it, its losses, and the published weights' layout."""

import json
import math

import numpy as np
import pytest
import torch

from genapp import checkpoints, service
from genapp.errors import UserError
from genapp.families.bert import (
    corpus,
    measure,
    model,
    pretrained,
    reading,
    sentences,
    train,
    vectors,
    wordpiece,
)
from genapp.families.bert.corrupt import KEPT, LEFT, MASKED, RANDOM, Corruption, corrupt
from genapp.families.bert.generate import fill, follows
from genapp.families.bert.spec import PRESETS
from genapp.trainer.loop import TrainConfig

MICRO = {**PRESETS["micro"].config, "vocab": 300}
TEXTS = ["The fox saw the grapes.", "The crow flew over the house and sang to the old man."]


@pytest.fixture(scope="module")
def stuff() -> corpus.Corpus:
    return corpus.manual(400, 0)


@pytest.fixture
def loaded(stuff: corpus.Corpus) -> service.Loaded:
    torch.manual_seed(0)
    made = model.build({**MICRO, "context": 64, "vocab": stuff.pieces.size}).eval()
    for p in made.parameters():  # a fresh model says the same everywhere; this one has opinions
        torch.nn.init.normal_(p, std=0.2) if p.ndim > 1 else None
    meta = checkpoints.Meta(
        family="bert", preset="micro", config={}, step=0, steps=0, seed=0, data=(), metrics={},
        hardware="", seconds=0.0, parameters=0,
    )  # fmt: skip
    files = {"tokenizer.json": stuff.pieces.dump()}
    return service.Loaded(model=made, meta=meta, files=files, device=torch.device("cpu"))


@pytest.mark.parametrize(
    ("preset", "whole", "encoder"),
    [("bert-mini", 4_867_442, 4_794_624), ("bert-base-uncased", 110_106_428, 109_482_240)],
)
def test_sizes_are_those_of_the_papers(preset: str, whole: int, encoder: int) -> None:
    with torch.device("meta"):
        built = model.build(PRESETS[preset].config)
    assert sum(p.numel() for p in built.parameters()) == whole
    assert sum(p.numel() for p in built.encoder.parameters()) == encoder


@pytest.mark.parametrize(("field", "value"), [("width", 33), ("layers", 0), ("dropout", 1.0)])
def test_impossible_sizes_are_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=str(value)):
        model.build({**MICRO, field: value})


def test_rates_of_corruption() -> None:
    rng = np.random.default_rng(0)
    ids = rng.integers(5, 6000, (400, 64))
    words = np.ones_like(ids, dtype=bool)
    words[:, [0, 30, 63]] = False
    read, fate = corrupt(ids, words, Corruption(), 4, np.arange(5, 6000), rng)
    chosen = fate != LEFT
    assert not chosen[:, [0, 30, 63]].any()
    assert chosen.sum() / words.sum() == pytest.approx(0.15, abs=0.01)
    for what, share in ((MASKED, 0.8), (RANDOM, 0.1), (KEPT, 0.1)):
        assert (fate == what).sum() / chosen.sum() == pytest.approx(share, abs=0.02)
    assert (read[fate == MASKED] == 4).all()
    assert (read[fate == RANDOM] != ids[fate == RANDOM]).mean() > 0.99
    same = (fate == LEFT) | (fate == KEPT)
    assert (read[same] == ids[same]).all()


def test_corruption_can_be_set_and_refuses_nonsense() -> None:
    rng = np.random.default_rng(0)
    ids, words = np.arange(5, 105)[None], np.ones((1, 100), dtype=bool)
    how = Corruption(rate=0.4, masked=1.0, random=0.0)
    read, fate = corrupt(ids, words, how, 4, np.arange(5, 105), rng)
    assert (read == 4).sum() == (fate == MASKED).sum() == 40
    with pytest.raises(UserError, match="100 % or less"):
        Corruption(masked=0.8, random=0.3)
    with pytest.raises(UserError, match="give 0 to 1"):
        Corruption(rate=1.5)


def test_sentences_end_where_they_end() -> None:
    text = "Mr. Fox ran. “Stop!” cried the crow. He did not\nA new line. And 3.5 more?"
    assert sentences.split(text) == [
        "Mr. Fox ran.", "“Stop!” cried the crow.", "He did not", "A new line.", "And 3.5 more?",
    ]  # fmt: skip


def test_half_of_the_pairs_follow(stuff: corpus.Corpus) -> None:
    rng = np.random.default_rng(0)
    made = stuff.pairs(stuff.train, 2_000, 64, rng, single=0.2)
    labels = np.array([p.label for p in made])
    assert (labels == corpus.NOWHERE).mean() == pytest.approx(0.2, abs=0.03)
    assert (labels == 1).sum() / (labels >= 0).sum() == pytest.approx(0.5, abs=0.04)
    assert max(len(p.a) + len(p.b) + 2 + (len(p.b) > 0) for p in made) <= 64
    part = stuff.train["text"]
    flat = " ".join(map(str, part.tokens.tolist()))
    for pair in [p for p in made if p.label == 0][:50]:  # what follows, follows
        assert " ".join(map(str, [*pair.a, *pair.b[:2]])) in flat


def test_a_batch_depends_on_its_number_alone(stuff: corpus.Corpus) -> None:
    first, again, other = (stuff.batch(k, 8, 32, 0, Corruption()) for k in (3, 3, 4))
    assert all(torch.equal(first[n], again[n]) for n in first)
    assert not torch.equal(first["wanted"], other["wanted"])
    assert first["segments"].max() == 1
    assert (first["ids"][~first["attend"]] == stuff.pieces.pad).all()


def test_loss_only_at_chosen_positions(stuff: corpus.Corpus) -> None:
    torch.manual_seed(0)
    built = model.build({**MICRO, "vocab": stuff.pieces.size})
    batch = stuff.batch(0, 8, 32, 0, Corruption())
    said = built(batch["ids"], batch["segments"], batch["attend"])
    flat = said.words.flatten(0, 1)
    by_hand = torch.nn.functional.cross_entropy(flat[batch["chosen"]], batch["wanted"])
    found = train.losses(built, batch)
    found = {name: float(loss.detach()) for name, loss in found.items()}
    assert found["mlm"] == pytest.approx(float(by_hand.detach()), abs=1e-5)
    assert found["loss"] == pytest.approx(found["mlm"] + found["nsp"], abs=1e-6)


def test_an_untrained_model_guesses_evenly(stuff: corpus.Corpus) -> None:
    torch.manual_seed(0)
    built = model.build(PRESETS["bert-mini"].config).eval()
    found = train.losses(built, stuff.batch(0, 16, 64, 0, Corruption()))
    assert float(found["mlm"].detach()) == pytest.approx(math.log(6000), abs=0.15)
    assert float(found["nsp"].detach()) == pytest.approx(math.log(2), abs=0.05)


def test_more_is_hidden_at_first() -> None:
    assert train.rate_at(0) == 0.30
    assert train.rate_at(1) == pytest.approx(0.15)


def test_held_out_numbers_add_up(stuff: corpus.Corpus, loaded: service.Loaded) -> None:
    found = measure.held_out(loaded.model, stuff, 64)
    assert found == measure.held_out(loaded.model, stuff, 64)
    assert found["val_loss"] == pytest.approx(found["val_mlm"] + found["val_nsp"])
    assert 0 <= found["top1"] <= found["top5"] <= 1


def test_a_finished_run_brings_its_curves_and_sentences(tmp_path) -> None:
    task = train.recipe("micro", TrainConfig(steps=2, batch=4))
    task.batch(0)
    task.evaluate(task.model.eval())
    assert json.loads(task.files["curves.json"])[0]["step"] == 1
    _, files = task.finish(task.model)
    held = json.loads(files["held_out.json"])
    assert all(len(pair) == 2 for pair in held["pairs"])
    assert held["pairs"]


def test_a_text_of_ones_own(tmp_path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("The fox ran away. The crow flew off.\n" * 40, "utf-8")
    task = train.recipe("micro", TrainConfig(steps=2, batch=4), path)
    assert float(train.losses(task.model, task.batch(0))["loss"].detach()) > 0
    assert task.data[0]["name"] == "mine.txt"
    path.write_text("one line without an end", "utf-8")
    with pytest.raises(UserError, match="no two sentences"):
        train.recipe("micro", TrainConfig(steps=2, batch=4), path)


# ---- the published layout -------------------------------------------------------------------


@pytest.fixture
def theirs(stuff: corpus.Corpus, tmp_path):
    """A random micro BertForPreTraining and its folder in the hub's layout."""
    from transformers import BertConfig, BertForPreTraining

    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=stuff.pieces.size, hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=40, initializer_range=0.3,
    )  # fmt: skip
    made = BertForPreTraining(config).eval()
    made.save_pretrained(tmp_path / "hub")
    (tmp_path / "hub" / "tokenizer.json").write_bytes(stuff.pieces.dump())
    return made, tmp_path / "hub"


def test_equals_transformers(theirs) -> None:
    made, folder = theirs
    pretrained.from_folder(folder, "copied")
    ours = service.Models().get("bert", "copied").model
    ids = torch.randint(5, 300, (3, 20))
    segments = (torch.arange(20) > 11).long().expand(3, 20)
    attend = torch.ones(3, 20, dtype=torch.bool)
    attend[1, 15:] = False
    with torch.no_grad():
        wanted = made(input_ids=ids, token_type_ids=segments, attention_mask=attend.long())
        said = ours(ids, segments, attend)
    seen = attend[..., None]
    assert (said.words - wanted.prediction_logits).mul(seen).abs().max() <= 1e-5
    assert (said.next - wanted.seq_relationship_logits).abs().max() <= 1e-5


def test_other_models_are_refused(theirs) -> None:
    _, folder = theirs
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "hidden_act": "relu"}))
    with pytest.raises(UserError, match="hidden_act"):
        pretrained.from_folder(folder, "copied")
    (folder / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"lacks model\.safetensors"):
        pretrained.from_folder(folder, "copied")


def test_the_hub_is_pinned_and_silent_when_offline(monkeypatch) -> None:
    monkeypatch.setenv("GENAPP_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", "/nonexistent")
    with pytest.raises(UserError, match="downloads are off"):
        pretrained.announce("rubert-tiny2")
    with pytest.raises(UserError, match="not on the list"):
        pretrained.announce("bert-huge")


# ---- at work --------------------------------------------------------------------------------


def test_a_gap_is_filled(loaded: service.Loaded) -> None:
    told = reading.read(loaded, TEXTS[0])
    found = fill(loaded, told, [2, 4], top=5)
    assert [g.place for g in found.gaps] == [2, 4]
    assert found.gaps[0].truth == found.tokens[2]
    chances = [p for _, p in found.gaps[0].guesses]
    assert chances == sorted(chances, reverse=True)
    assert sum(chances) <= 1
    everything = fill(loaded, told, [2], top=10_000).gaps[0]
    assert sum(p for _, p in everything.guesses) == pytest.approx(1, abs=1e-4)
    assert dict(everything.guesses)[everything.truth] == pytest.approx(everything.p_truth)


def test_b_is_judged_and_parted(loaded: service.Loaded) -> None:
    told = reading.read(loaded, *TEXTS)
    assert told.segments[told.split - 1] == 0
    assert told.segments[told.split] == 1
    (p,) = follows(loaded, [(TEXTS[0], TEXTS[1])])
    assert fill(loaded, told, []).p_next == pytest.approx(p, abs=1e-6)
    both = follows(loaded, [(TEXTS[0], TEXTS[1]), (TEXTS[0], "No.")])
    assert both[0] == pytest.approx(p, abs=1e-5)  # the company it keeps doesn't matter


def test_padding_changes_nothing(loaded: service.Loaded) -> None:
    alone = [vectors.vectors(loaded, [t])[0] for t in TEXTS]
    together = vectors.vectors(loaded, TEXTS, length=60)
    for a, b in zip(alone, together, strict=True):
        assert a.tokens == b.tokens
        assert np.abs(a.layers - b.layers).max() <= 1e-5
        for how in vectors.POOLS:
            assert np.linalg.norm(vectors.pooled(b, how)) == pytest.approx(1, abs=1e-6)
            assert np.abs(vectors.pooled(a, how) - vectors.pooled(b, how)).max() <= 1e-5


def test_long_and_strange_texts_are_noticed(loaded: service.Loaded) -> None:
    long = reading.read(loaded, "fox " * 200, "crow " * 200)
    assert len(long.ids) == 64
    assert 25 <= long.split <= 40
    assert "reads 61" in long.notice
    assert "[UNK]" in reading.read(loaded, "日本 fox").notice
    for bad in ("", "  \n "):
        with pytest.raises(UserError, match="no text"):
            reading.read(loaded, bad)


def test_a_vocabulary_is_learned_the_same_way_twice(stuff: corpus.Corpus) -> None:
    documents = [text for part in stuff.documents.values() for text in part]
    first, again = wordpiece.train(documents, 350), wordpiece.train(documents, 350)
    assert first.size == 350
    assert first.dump() == again.dump()
    assert [first.name(i) for i in range(5)] == list(wordpiece.SPECIALS)
    assert first.encode("[MASK] is [MASK]").count(first.mask) == 2
    assert not set(first.ordinary) & set(range(5))


def test_damaged_vocabularies_are_told_in_words(stuff: corpus.Corpus) -> None:
    with pytest.raises(UserError, match="can't be read"):
        wordpiece.load(b"{}")
    raw = json.loads(stuff.pieces.dump())
    raw["model"]["vocab"] = {"a": 0}
    raw["added_tokens"] = []
    with pytest.raises(UserError, match="lacks"):
        wordpiece.load(json.dumps(raw).encode())


# ---- the Viewer -----------------------------------------------------------------------------


def test_maps_are_those_of_transformers(theirs) -> None:
    made, folder = theirs
    pretrained.from_folder(folder, "copied")
    loaded = service.Models().get("bert", "copied")
    (maps,) = service.attention("bert", "copied", "\n".join(TEXTS))
    told = reading.read(loaded, *TEXTS)
    assert maps.kind == "pair"
    assert maps.split == told.split
    assert maps.queries.kinds[0] == maps.queries.kinds[told.split - 1] == "special"
    made.set_attn_implementation("eager")
    with torch.no_grad():
        wanted = made(
            input_ids=torch.tensor([told.ids]),
            token_type_ids=torch.tensor([told.segments]),
            output_attentions=True,
        )
    for layer in range(2):
        assert np.abs(maps.layer(layer) - wanted.attentions[layer][0].numpy()).max() <= 1e-5
        assert np.abs(maps.layer(layer).sum(-1) - 1).max() <= 1e-5
    logits = wanted.prediction_logits[0, 3].log_softmax(-1).numpy()
    assert np.abs(maps.readout.logp(3)[-1] - logits).max() <= 1e-4
    steps = maps.steps(1, 0, 2)
    assert np.allclose(np.exp(steps[2]) / np.exp(steps[2]).sum(), maps.layer(1)[0, 2], atol=1e-5)


def test_changes_reach_the_pass(theirs) -> None:
    _, folder = theirs
    pretrained.from_folder(folder, "copied")

    def look(**options):  # type: ignore[no-untyped-def]
        (maps,) = service.attention("bert", "copied", TEXTS[0], options)
        return maps

    plain, hidden = look(), look(hide=[2])
    assert hidden.queries.tokens[2] == "[MASK]"
    assert hidden.readout.at == 2  # the question a gap asks
    assert plain.queries.tokens[plain.readout.at].strip("#").isalnum()
    assert np.abs(plain.readout.logp(2)[-1] - hidden.readout.logp(2)[-1]).max() > 1e-3
    swapped = look(swap={"2": "crow and fox"})
    assert len(swapped.queries.tokens) > len(plain.queries.tokens)
    assert swapped.origins[2] == swapped.origins[3] == 2
    silent = look(ablate=[[0, 0]])
    assert np.allclose(silent.layer(0), plain.layer(0), atol=1e-6)
    assert np.abs(silent.layer(1) - plain.layer(1)).max() > 1e-4
    with pytest.raises(UserError, match="no token 99"):
        look(hide=[99])
