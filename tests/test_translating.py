"""A trained translator at work: frames, maps, plans, toys, and what the shipped ones reach."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from genapp import checkpoints, registry, service
from genapp.data import pair_grammar
from genapp.data.pairs import Pair
from genapp.families.seq2seq import model as gru
from genapp.families.seq2seq import spec as gru_spec
from genapp.families.seq2seq import tab_views, tab_write
from genapp.families.transformer import model as transformer
from genapp.families.transformer import spec as transformer_spec
from genapp.spec import resolve
from genapp.trainer.loop import TrainConfig, Trainer
from genapp.translation import batches, search, task, toys
from genapp.translation.plan import Plan
from genapp.ui.widgets.alignment import widget


def size(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


@pytest.fixture(scope="module")
def trained(tmp_path_factory):  # type: ignore[no-untyped-def]
    """A home where all three names hold micro models that learned the grammar for 60 steps."""
    home = tmp_path_factory.mktemp("mt")
    made = {}
    for family in ("seq2seq", "transformer"):
        spec = registry.get(family)
        base = spec.presets["micro"].train["cpu"]
        config = TrainConfig(**{**base, "steps": 60, "eval_every": 60})  # type: ignore[arg-type]
        trainer = Trainer(resolve(spec.recipe)("micro", config, None), config, home / family)
        trainer.fit()
        trainer.finish()
        made[family] = home / family / "best"
    for family, name in tab_write.MODELS.values():
        blobs = {p.name: p.read_bytes() for p in made[family].iterdir()}
        checkpoints.write_folder(home / "checkpoints" / family / name, blobs)
    return home


class TestTranslating:
    @pytest.fixture(autouse=True)
    def _home(self, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GENAPP_HOME", str(trained))
        monkeypatch.setattr(service, "models", service.Models())

    @pytest.mark.parametrize("family", ["seq2seq", "transformer"])
    def test_a_frame_per_piece(self, family: str) -> None:
        text, reference = "я вижу красную машину.", "I see the red car."
        found = list(service.stream(family, text=text, reference=reference))
        for before, after in pairwise(found[:-1]):
            assert after.pieces[: len(before.pieces)] == before.pieces
            assert len(after.pieces) == len(before.pieces) + 1
        last = found[-1]
        assert last.done
        assert last.bleu is not None
        T, _, _, S = last.weights.shape
        assert (len(last.pieces), len(last.source)) == (T, S)
        assert np.allclose(last.weights.sum(-1), 1, atol=1e-3)
        assert all(len(step) == 5 for step in last.tops)

    def test_aligning_writes_the_reference(self) -> None:
        frame = service.run("seq2seq", text="я вижу дом.", reference="i see the house.", align=True)
        assert frame.text == "i see the house."
        assert frame.bleu == pytest.approx(100)

    @pytest.mark.parametrize(
        ("fields", "words"),
        [({"text": " "}, "nothing to translate"), ({"text": "я " * 190}, "pieces"),
         ({"beam": 9}, "Beam"), ({"align": True}, "no reference")],
    )  # fmt: skip
    def test_bad_requests(self, fields: dict, words: str) -> None:
        (failure,) = service.stream("seq2seq", **{"text": "я вижу.", **fields})
        assert isinstance(failure, service.Failure)
        assert words in str(failure)
        assert " — " in str(failure)

    def test_steps_lead_to_the_translation(self) -> None:
        asked = ("attention", "я вижу дом.", "", 1, False)
        *_, (whole, _) = tab_write.stream(*asked)
        value, seen = None, []
        for _ in range(40):
            value, _ = tab_write.step(value, *asked)
            seen.append(json.loads(value["data"])["pieces"])
            if seen[-1] == json.loads(whole["data"])["pieces"]:
                break
        assert [len(s) for s in seen] == list(range(1, len(seen) + 1))
        fresh, _ = tab_write.step(value, "no attention", *asked[1:])
        assert len(json.loads(fresh["data"])["pieces"]) == 1

    def test_three_columns_and_the_endpoint(self) -> None:
        shown = tab_write.compare("я вижу дом.", "I see the house.", 1)
        assert shown.count("BLEU") == 3
        told = tab_write.api("я вижу дом.", "Transformer", 2, "i see the house.")
        assert len(told["attention"]) == len(told["pieces"])
        assert sum(told["attention"][0]) == pytest.approx(1, abs=1e-3)

    def test_views_come_from_the_cards(self) -> None:
        chart = tab_views.length_chart()
        assert chart.count("<polyline") == 3
        assert "Vaswani" in tab_views.score_card()
        assert len(tab_write.held_out("Russian")) == 10

    def test_stages_tell_the_verdict(self) -> None:
        told = tab_views.stages("Я умён!", "I am smart.", 9, True)
        assert "я умён !" in told
        assert "kept" in told
        assert "twelve" in tab_views.stages("Я вижу", "I see it", 9, True)


class TestMap:
    def test_weights_travel_exactly_enough(self) -> None:
        import base64

        weights = np.random.default_rng(0).dirichlet(np.ones(7), (3, 2, 4)).astype(np.float32)
        value = widget.value(["▁a"] * 7, ["b"] * 3, weights)
        back = np.frombuffer(base64.b64decode(value["weights"]), "<u2") / widget.SCALE
        assert np.abs(back.reshape(weights.shape) - weights).max() < 1e-5
        assert json.loads(value["data"])["heads"] == 4


class TestPlan:
    def test_bad_units(self) -> None:
        with pytest.raises(ValueError, match="units"):
            Plan(source_vocab=9, target_vocab=9, units="letters")

    def test_plans_match_presets(self) -> None:
        for spec in (gru_spec, transformer_spec):
            assert set(spec.PLANS) == set(spec.PRESETS)


@pytest.mark.slow
def test_grammar_is_learned_and_aligned() -> None:
    """Exact match ≥ 0.95 and, for additive attention, ≥ 0.85 of the gold alignments."""
    spec = registry.get("seq2seq")
    base = {**spec.presets["micro"].train["cpu"], "steps": 900}
    config = TrainConfig(**base)  # type: ignore[arg-type]
    made = resolve(spec.recipe)("micro", config, None)
    trainer = Trainer(made, config, Path("unused"))
    trainer.save = lambda judge=False: None  # type: ignore[method-assign]
    trainer.fit()
    stuff = task.material(gru_spec.PLANS["micro"])
    test = stuff.parts["rus"].test
    said = task.translate(trainer.raw_model.eval(), stuff, [p.source for p in test])
    assert np.mean([s == p.target for s, p in zip(said, test, strict=True)]) >= 0.95
    gold = {s.source: s.gold for s in pair_grammar.sentences("rus", 2_000)}
    hits = [hit for p in test for hit in _aligned(trainer.raw_model, stuff, p, gold[p.source])]
    assert np.mean(hits) >= 0.85


def _aligned(model: nn.Module, stuff: task.Material, pair: Pair, gold: tuple) -> list[bool]:
    """Whether each English word's strongest weight is on its gold source word."""
    source = stuff.source.encode(pair.source)
    told = search.forced(model, batches.sources([source]), stuff.target.encode(pair.target))
    word = np.cumsum([stuff.source.piece(t).startswith("▁") for t in source]) - 1
    begins = [i for i, t in enumerate(told.tokens) if stuff.target.piece(t).startswith("▁")]
    best = [int(told.rows[i][0, 0].argmax()) for i in begins]
    return [b < len(word) and word[b] == g for b, g in zip(best, gold, strict=True)]


class TestToys:
    @pytest.mark.parametrize("kind", toys.TASKS)
    def test_answers(self, kind: str) -> None:
        for source, target in toys.pairs(kind, 20, seed=1, lengths=[9]):
            asked, given = source.split(), target.split()
            wanted = {"copy": asked, "reverse": asked[::-1], "sort": sorted(asked)}
            if kind in wanted:
                assert given == wanted[kind]
            else:
                year, month, day = target.replace(" ", "").split("-")
                said = "".join(asked)
                assert said == f"{int(day)}{toys.MONTHS[int(month) - 1]}{year}"

    def test_dates_have_no_curve(self) -> None:
        assert "<svg" not in tab_views.toy_chart("date")
        assert "<svg" in tab_views.toy_chart("sort")

    def test_unknown(self) -> None:
        with pytest.raises(ValueError, match="reverse, copy"):
            toys.pairs("shuffle", 1)

    def test_accuracy_counts_places(self) -> None:
        assert toys.accuracy(["a b c", "a"], ["a x c", "a b"]) == pytest.approx(3 / 5)

    def test_equal_parameters(self) -> None:
        sizes = [
            size(gru.build(gru_spec.PRESETS["toy-reverse-attn"].config)),
            size(gru.build(gru_spec.PRESETS["toy-reverse-plain"].config)),
            size(transformer.build(transformer_spec.PRESETS["toy-reverse"].config)),
        ]
        assert max(sizes) <= 1.1 * min(sizes)
        assert max(sizes) <= 300_000


class TestShipped:
    """What the checkpoints in the repository reached: the spec's goals, read from their cards."""

    @staticmethod
    def metrics(family: str, name: str) -> dict:
        folder = Path(checkpoints.__file__).parent.parent / "checkpoints" / family / name
        return dict(checkpoints.read_meta(folder).metrics)

    def test_attention_opens_the_bottleneck(self) -> None:
        attention = self.metrics("seq2seq", "toy-reverse-attn")["accuracy_by_length"]
        plain = self.metrics("seq2seq", "toy-reverse-plain")["accuracy_by_length"]
        assert attention["20"] >= 0.95
        assert plain["20"] <= 0.6

    def test_each_model_beats_the_one_before(self) -> None:
        found = [self.metrics(family, name) for family, name in tab_write.MODELS.values()]
        plain, attention, best = found
        assert attention["bleu"] >= plain["bleu"] + 5
        assert best["bleu"] >= attention["bleu"] + 5
        assert len({m["test_pairs"] for m in found}) == 1
