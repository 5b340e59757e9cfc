"""Alignments against gold, error accumulation, ways of writing, a shuffled memory, Multi30k."""

import gzip
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
import torch

from genapp import checkpoints, registry, service
from genapp.data import pairs
from genapp.data.source import DataFile
from genapp.errors import UserError
from genapp.families.seq2seq import model as gru
from genapp.families.seq2seq import (
    tab,
    tab_batch,
    tab_gallery,
    tab_pace,
    tab_two,
    tab_views,
    tab_write,
)
from genapp.families.transformer import model as transformer
from genapp.families.transformer import spec as transformer_spec
from genapp.spec import resolve
from genapp.trainer.loop import TrainConfig, Trainer
from genapp.translation import alignment, exposure, gallery, memory, pace, padding, search, task
from genapp.translation.plan import schedule


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home where all three names hold micro models that learned the grammar for 30 steps."""
    home = tmp_path_factory.mktemp("aligned")
    for family, names in (("seq2seq", ["attention"]), ("transformer", ["Transformer"])):
        spec = registry.get(family)
        base = spec.presets["micro"].train["cpu"]
        config = TrainConfig(**{**base, "steps": 30, "eval_every": 30})  # type: ignore[arg-type]
        trainer = Trainer(resolve(spec.recipe)("micro", config, None), config, home / family)
        trainer.fit()
        trainer.finish()
        blobs = {p.name: p.read_bytes() for p in (home / family / "best").iterdir()}
        for name in names:
            folder = home / "checkpoints" / family / tab_write.MODELS[name][1]
            checkpoints.write_folder(folder, blobs)
    return home


@pytest.fixture(autouse=True)
def _home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENAPP_HOME", str(home))
    monkeypatch.setattr(service, "models", service.Models())


def loaded(name: str) -> service.Loaded:
    return service.models.get(*tab_write.MODELS[name])


class TestWords:
    @pytest.mark.parametrize(
        ("pieces", "words"),
        [
            (["▁j", "'", "ai", "▁rou", "ge", ".", "</s>"], [0, 1, 2, 3, 3, 4, 5]),
            (["▁a", ",", "▁", "(", "b", ")"], [0, 1, 2, 2, 3, 4]),
            (["▁", "x", "y", "▁z"], [0, 0, 0, 1]),
        ],
    )
    def test_pieces_make_words(self, pieces: list[str], words: list[int]) -> None:
        assert alignment.words_of(pieces) == words

    def test_weights_by_word(self) -> None:
        source, target = ["▁a", "b", "▁c", "</s>"], ["▁x", "y", "</s>"]
        weights = np.random.default_rng(0).dirichlet(np.ones(4), (3, 2, 2))
        told = alignment.by_word(weights, source, target)
        assert told.shape == (2, 2, 2, 3)
        assert np.allclose(told.sum(-1), 1)
        assert np.allclose(told[0, ..., 0], weights[:2, ..., :2].sum(-1).mean(0))

    def test_hits_skip_words_without_gold(self) -> None:
        weights = np.eye(3)[[2, 1, 0]]
        assert alignment.hits(weights, ((2,), (), (1, 2))).tolist() == [True, False]


class TestGallery:
    def test_gold_is_complete(self) -> None:
        found = gallery.presets()
        assert len(gallery.PRESETS) >= 8
        assert len(found) == len(gallery.PRESETS) + 3
        area = found["zone économique européenne"]
        assert area.links[1:4] == ((3,), (2,), (1,))
        assert found["can you help me"].gloss == "Can you me help this sentence translate?"
        for gold in found.values():
            assert sum(map(bool, gold.links)) == len(gold.target)

    def test_a_wrong_gold_is_refused(self) -> None:
        with pytest.raises(ValueError, match="links"):
            gallery.Gold(source=("a",), target=("b",), links=((1,),))

    @pytest.mark.parametrize("model", tab_gallery.READERS)
    @pytest.mark.parametrize("name", ["grammar: German", "grammar: Russian"])
    def test_ghost_lies_on_the_gold_words(self, model: str, name: str) -> None:
        gold = gallery.presets()[name]
        value, said = tab_gallery.draw(name, model)
        shown = json.loads(value["data"])
        read, made = (alignment.words_of(shown[side]) for side in ("source", "pieces"))
        found = {
            (made[row], read[column])
            for first, last, left, right in shown["ghost"]
            for row in range(first, last + 1)
            for column in range(left, right + 1)
        }
        assert found == {(i, j) for i, link in enumerate(gold.links) for j in link}
        assert f"of {len(gold.target)}</b> words agree" in said

    def test_other_pieces_are_refused(self) -> None:
        with pytest.raises(UserError, match="other words"):
            alignment.cells(gallery.PRESETS[0], ["▁la", "</s>"], ["▁the", "</s>"])

    def test_table_grows_to_a_row_for_each(self) -> None:
        *parts, last = tab_gallery.table_of()
        assert "Measuring attention on Russian, 0 of 6" in parts[0]
        assert last.count("<tr>") == 7
        assert last.count("even pace") == 1


class TestAccuracy:
    def test_equals_a_count_by_hand(self) -> None:
        told = alignment.measure(loaded("attention"), "rus", 12, seed=2)
        right = []
        for gold in gallery.grammar("rus", 12, 2):
            frame = service.run("seq2seq", text=gold.text, reference=gold.reference, align=True)
            words = alignment.by_word(frame.weights, frame.source, frame.pieces)[:, 0, 0]
            right += [int(words[i].argmax()) in link for i, link in enumerate(gold.links)]
        assert told.words == len(right)
        assert told.mean == pytest.approx(np.mean(right))
        assert told.heads == [[pytest.approx(told.mean)]]

    def test_even_pace_and_crossings(self) -> None:
        straight = gallery.Gold(source=("a", "b"), target=("x", "y"), links=((0,), (1,)))
        crossed = gallery.Gold(source=("a", "b"), target=("x", "y"), links=((1,), (0,)))
        assert alignment._diagonal(straight).all()
        assert not alignment._diagonal(crossed).any()
        map_ = np.array([[0.1, 0.6, 0.3], [0.8, 0.1, 0.1]])
        assert alignment._swap([crossed], [map_]) == pytest.approx(1.4 / 1.6)
        assert alignment._swap([straight], [map_]) is None

    def test_endpoint(self) -> None:
        told = tab_gallery.alignment_accuracy("Transformer", "fra", 20)
        assert np.array(told["heads"]).shape == (1, 2)
        assert told["sentences"] == 20
        assert 0 < told["diagonal"] < 1
        assert told["swap"] is not None
        assert json.loads(json.dumps(told))["mean"] == told["mean"]

    @pytest.mark.parametrize(
        ("fields", "words"),
        [({"language": "eng"}, "rus, deu, fra"), ({"count": 1}, "2 to 1,000"),
         ({"model": "no attention"}, "shows no alignment"), ({"count": 2.5}, "integers")],
    )  # fmt: skip
    def test_bad_requests(self, fields: dict, words: str) -> None:
        with pytest.raises((UserError, gr.Error), match=words):
            tab_gallery.alignment_accuracy(**fields)

    def test_without_attention(self) -> None:
        made = loaded("attention")
        config = {**made.meta.config, "summary": "last"}
        made.model = gru.build(config).eval()
        with pytest.raises(UserError, match="no attention"):
            alignment.measure(made, "rus", 2)


class TestExposure:
    def test_equal_until_the_first_mistake(self) -> None:
        held = [(p.source, p.target) for p in pairs.stand_in("rus").test[:30]]
        told = exposure.accumulation(loaded("Transformer"), held)
        assert told.free[0] == told.forced[0]
        assert told.counted[0] == 30
        assert list(told.counted) == sorted(told.counted, reverse=True)
        assert len(told.free) == len(told.forced) == len(told.counted)

    def test_a_model_that_knows_never_errs(self) -> None:
        model = loaded("Transformer")
        said = [(p.source, "") for p in pairs.stand_in("rus").test[:5]]
        own = [(s, service.run("transformer", text=s).text) for s, _ in said]
        told = exposure.accumulation(model, own)
        assert told.free == told.forced == (1.0,) * len(told.free)

    def test_chart_and_endpoint(self) -> None:
        assert tab_views.exposure_chart().count("dasharray") == len(tab_views.metrics())
        told = tab.error_accumulation("attention")
        assert len(told["free"]) == len(told["counted"]) > 3
        with pytest.raises(gr.Error, match="Unknown model"):
            tab.error_accumulation("LSTM")


class TestPace:
    def test_one_map_three_ways(self) -> None:
        told = pace.three_ways(loaded("Transformer"), "я вижу дом.", "i see the house.", (20,), 1)
        assert {m.shape for m in told.weights.values()} == {
            (len(told.pieces), 1, 2, len(told.source))
        }
        assert all(told.difference(way) < 1e-5 for way in pace.WAYS)
        assert all(len(row) == 2 and min(row) > 0 for row in told.milliseconds.values())

    def test_bad_requests(self) -> None:
        with pytest.raises(UserError, match="KV cache"):
            pace.three_ways(loaded("attention"), "я вижу.", "i see.")
        with pytest.raises(gr.Error, match="sentence has 0 pieces"):
            tab_pace.time_decoding("", "i see.")

    def test_without_a_reference_its_own_translation(self) -> None:
        shown = tab_pace.draw("step by step, no cache", "я вижу дом.", "")
        assert "from the one-pass map" in shown["note"]
        own = service.run("transformer", text="я вижу дом.").pieces
        assert json.loads(shown["data"])["pieces"] == list(own)


class TestMemory:
    @pytest.mark.parametrize("model", tab_gallery.READERS)
    def test_order_makes_no_difference(self, model: str) -> None:
        text, reference = "я вижу дом.", "i see the house."
        told = memory.shuffled(loaded(model), text, reference, 2, seed=1)
        assert told.difference < 1e-5
        assert list(told.order) != sorted(told.order)
        family, _ = tab_write.MODELS[model]
        frame = service.run(family, text=text, reference=reference, align=True)
        plain = frame.weights[2].mean((0, 1))
        assert np.allclose(told.weights, plain[list(told.order)], atol=1e-5)

    def test_panel(self) -> None:
        both = tab_two.show("source + own output (Transformer)", 2, False, "я вижу дом.", "i see.")
        assert "What it has written" in both
        assert 'class="later"' in both
        alone = tab_two.show("source only (GRU)", 2, True, "я вижу дом.", "")
        assert "What it has written" not in alone
        assert "Shuffling changes no probability" in alone
        assert "type a sentence" in tab_two.show("source only (GRU)", 2, False, " ", "i see.")


class TestPadding:
    PAIRS = (("я вижу дом.", "i see the house."), ("том любит красную машину.", "tom loves it."))

    def test_the_mask_makes_pads_nobodys_business(self) -> None:
        model = loaded("attention")
        told = padding.padded(model, self.PAIRS)
        alone = [padding.padded(model, [pair]) for pair in self.PAIRS]
        assert [one.pads for one in alone] == [0, 0]
        lengths = [len(one.target[0]) for one in alone]
        mean = np.average([one.masked for one in alone], weights=lengths)
        assert told.masked == pytest.approx(mean, abs=1e-4)
        assert told.pads == pytest.approx(1 - sum(lengths) / (2 * max(lengths)))
        assert (told.pads > 0) == (told.counted != pytest.approx(told.masked))
        assert sum(row.count("") for row in told.target) == 2 * max(lengths) - sum(lengths)

    def test_panel(self) -> None:
        masked, counted = (tab_batch.show("Russian", False, mask) for mask in (True, False))
        assert 'class="pad out"' in masked
        assert 'class="pad"' in counted
        assert masked.rpartition("Loss")[2] != counted.rpartition("Loss")[2]
        alike = tab_batch.show("Russian", True, True)
        assert alike.count(">pad<") < masked.count(">pad<")
        with pytest.raises(UserError, match="no sentence pairs"):
            padding.padded(loaded("attention"), [])


class TestCaptions:
    @pytest.fixture
    def files(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A Multi30k of 300 and 12 lines, pinned."""
        made = []
        for part, count in (("train", 300), ("val", 12)):
            rows = [f"{part} man {i}.\t{part} Mann {i}.\tun homme\tmuž\n" for i in range(count)]
            blob = gzip.compress("".join([*rows, "\t\t\t\n"]).encode(), mtime=0)
            name = f"text/multi30k_{part}.en-de-fr-cs.tsv.gz"
            (tmp_path / "text").mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(blob)
            digest = hashlib.sha256(blob).hexdigest()
            made.append(DataFile(name=part, path=name, sha256=digest, size=len(blob)))
        monkeypatch.setenv("GENAPP_DATA", str(tmp_path))
        monkeypatch.setattr(pairs, "CAPTION_FILES", tuple(made))

    @pytest.mark.usefixtures("files")
    def test_reader(self) -> None:
        told = pairs.load("multi30k")
        assert len(told.test) == 12
        assert told.test[0] == ("val man 0.", "val Mann 0.")
        assert told.card["name"].startswith("Multi30k")
        assert len(told.train) + len(told.validation) == 300

    def test_absent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GENAPP_OFFLINE", "1")
        with pytest.raises(UserError, match="multi30k"):
            pairs.load("multi30k")

    @pytest.mark.usefixtures("files")
    def test_twenty_steps(self) -> None:
        plan = transformer_spec.PLANS["multi30k-en-de"]
        shape = transformer_spec.PRESETS["micro"].config
        config = TrainConfig(**schedule(20, 16, 5e-3, warmup=5, precision="no"))
        made = task.recipe(
            "transformer", "multi30k-en-de", plan, config, transformer.build, shape, "", (0.9, 0.98)
        )
        first, last = (
            [float(made.losses(made.model, made.batch(k))["loss"].detach()) for k in range(4)]
            for _ in _trained(made, config)
        )
        assert np.mean(last) < np.mean(first)

    def test_the_presets_shape_can_be_built(self) -> None:
        config = transformer_spec.PRESETS["multi30k-en-de"].config
        with torch.device("meta"):
            model = transformer.build(config)
        assert sum(p.numel() for p in model.parameters()) > 5e6


def _trained(made: task.Task, config: TrainConfig) -> Iterator[None]:
    """Yields before and after the training."""
    yield
    trainer = Trainer(made, config, Path("unused"))
    trainer.save = lambda judge=False: None  # type: ignore[method-assign]
    trainer.fit()
    yield


def test_schedules_keep_their_warm_ups() -> None:
    for family, warmup in (("seq2seq", 200), ("transformer", 400)):
        name = {"seq2seq": "mt-gru-attn", "transformer": "mt-transformer"}[family]
        made = registry.get(family).presets[name].train["cpu"]
        assert made["warmup"] == warmup
        assert made["eval_every"] == made["steps"] // 25


def test_whole_batches_equal_single_ones() -> None:
    model = loaded("Transformer").model
    source = torch.tensor([[5, 6, 2, 0], [7, 8, 9, 2]])
    read = torch.tensor([[1, 4, 5], [1, 6, 0]])
    words, maps = search.taught(model, source, read)
    alone, map_ = search.taught(model, source[:1, :3], read[:1])
    assert maps is not None and map_ is not None  # noqa: PT018
    assert torch.equal(words[:1], alone)
    assert torch.allclose(maps[0, ..., :3], map_[0], atol=1e-5)
    assert float(maps[0, ..., 3].abs().max()) == 0
