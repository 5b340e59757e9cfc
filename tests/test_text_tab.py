"""The Studio's handlers, called as the page calls them, on a tiny model with random weights."""

import json
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest
import torch

from genapp import checkpoints
from genapp.errors import UserError
from genapp.families.gpt import tab_api, tab_more, tab_thumbnail, tab_write
from genapp.families.gpt.model import build
from genapp.families.gpt.spec import SAMPLERS, STYLES, GenerateRequest
from genapp.families.gpt.tokenizer import train_bpe
from genapp.spec import params, validate
from genapp.ui.widgets.sampler import widget as sampler
from genapp.ui.widgets.token_strip import widget as strip

CONTEXT = 32
VISITOR = SimpleNamespace(session_hash="a", query_params={})
NEUTRAL = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0}
SAMPLES = [{"step": s, "text": f"<b>{s}</b>", "val_loss": 9 - s / 10} for s in (20, 0, 10)]


def make_checkpoint(home: Path, name: str = "tiny") -> Path:
    """A GPT of 26 thousand random weights that knows two styles."""
    text = ["The fox saw the grapes and the crow saw the fox. 🦊 said nothing.\n"] * 4
    tokenizer = train_bpe(text, 300, ("fable", "news"))
    config = {"layers": 1, "heads": 2, "width": 32, "context": CONTEXT, "vocab": tokenizer.size}
    torch.manual_seed(1)
    model = build(config)
    with torch.no_grad():
        model.tokens.weight.mul_(20)  # opinions, so that a wrong context shows
    meta = checkpoints.Meta(
        family="gpt", preset=name, config=config, step=20, steps=20, seed=1, metrics={},
        data=({"name": "a line", "licence": "ours", "source": "https://example.org"},),
        hardware="cpu", seconds=0.0, parameters=sum(p.numel() for p in model.parameters()),
    )  # fmt: skip
    files = {"tokenizer.json": tokenizer.dump(), "samples.json": json.dumps(SAMPLES).encode()}
    folder = home / "checkpoints" / "gpt" / name
    return checkpoints.save(folder, model.state_dict(), meta, files)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GENAPP_HOME", str(tmp_path))
    monkeypatch.setattr(tab_write, "TO_THE_END", 60)
    make_checkpoint(tmp_path)
    return tmp_path


def write(writer: tab_write.Writer, **changes: Any) -> Iterator[Any]:
    asked = {
        "model": "tiny", "style": "fable", "prompt": "The fox", "settings": NEUTRAL, "tokens": 50,
        "precision": "fp32", "seed": 3, "fresh": False, "request": VISITOR, **changes,
    }  # fmt: skip
    return writer.write(**asked)


def written(**changes: Any) -> dict[str, Any]:
    return list(write(tab_write.Writer(), **changes))[-1][0]


class TestWriting:
    def test_a_text_grows_and_ends(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tab_write, "PAINT", 0)
        values = [value for value, _ in write(tab_write.Writer())]
        counts = [len(strip.tokens(v)) for v in values]
        assert counts == sorted(counts)
        assert len(set(counts)) > 10
        for before, after in pairwise(values):  # only ever appended to
            assert after["tokens"].startswith(before["tokens"])
            assert after["run"] == before["run"]
        assert {v["status"] for v in values[:-1]} == {"writing"}
        assert values[-1]["status"] == "done"
        assert "tokens/s" in values[-1]["note"]

    def test_updates_are_no_more_than_twenty_a_second(self) -> None:
        began = time.perf_counter()
        updates = len(list(write(tab_write.Writer(), tokens=400)))
        assert updates <= 20 * (time.perf_counter() - began) + 2

    def test_the_used_seed_comes_back_and_repeats_the_text(self) -> None:
        *_, (first, seed) = write(tab_write.Writer(), seed=-1)
        assert seed >= 0
        assert strip.text(written(seed=seed)) == strip.text(first)
        *_, (_, other) = write(tab_write.Writer(), seed=seed, fresh=True)
        assert other != seed

    def test_settings_reach_the_writer(self) -> None:
        greedy = [strip.text(written(seed=s, settings={"temperature": 0})) for s in (1, 2)]
        assert greedy[0] == greedy[1]
        assert strip.text(written(seed=1)) != strip.text(written(seed=2))

    def test_tokens_say_how_they_were_seen(self) -> None:
        value = written()
        for token in strip.tokens(value):
            others = [p for _, p in token["others"]]
            assert 0 < token["p"] <= 1
            assert others == sorted(others, reverse=True)
            assert (token["rank"] == 1) == (token["p"] == others[0])
            assert 0 <= token["entropy"] <= np.log(300)

    def test_stop_ends_the_computation_before_the_next_token(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tab_write, "PAINT", 0)
        writer = tab_write.Writer()
        stream = write(writer, tokens=1000)
        seen = [next(stream)[0] for _ in range(5)]
        writer.stop(VISITOR)  # type: ignore[arg-type]
        assert list(stream) == []
        stopped = tab_write.stopped(seen[-1])
        assert stopped["status"] == "done"
        assert "stopped" in stopped["note"]
        assert strip.text(stopped) == strip.text(seen[-1])

    def test_stop_is_for_one_visitor(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tab_write, "PAINT", 0)
        writer = tab_write.Writer()
        stream = write(writer, tokens=30)
        next(stream)
        writer.stop(SimpleNamespace(session_hash="b"))  # type: ignore[arg-type]
        assert list(stream)[-1][0]["status"] == "done"

    def test_continue_appends(self) -> None:
        first = written(tokens=5)
        writer = tab_write.Writer()
        *_, (more, _) = writer.go_on(first, "tiny", NEUTRAL, VISITOR)  # type: ignore[arg-type]
        assert more["run"] == first["run"]
        assert more["tokens"].startswith(first["tokens"])
        assert len(strip.tokens(more)) > 5
        assert strip.text(more).startswith(strip.text(first))
        assert len(json.loads(more["reads"])) == 2

    def test_a_story_that_ended_stays_ended(self) -> None:
        ended = {**written(tokens=5), "finish": "end"}
        assert not list(tab_write.Writer().go_on(ended, "tiny", {}, VISITOR))  # type: ignore[arg-type]


class TestOnePlace:
    @pytest.mark.parametrize("prompt", ["", "The fox", "The crow saw the fox. " * 20])
    def test_logits_are_those_the_token_was_drawn_from(self, prompt: str) -> None:
        """Also beyond the context, where the writer drops the older half."""
        value = written(prompt=prompt, tokens=3 * CONTEXT)
        tokens = strip.tokens(value)
        assert len(tokens) > 2 * CONTEXT
        for index in [*range(0, len(tokens), 7), len(tokens) - 1]:
            p = probabilities(tab_write.distribution(value, index))
            assert p[tokens[index]["id"]] == pytest.approx(tokens[index]["p"], rel=0.01), index

    def test_also_after_continue(self) -> None:
        *_, (value, _) = tab_write.Writer().go_on(written(tokens=4), "tiny", NEUTRAL, VISITOR)  # type: ignore[arg-type]
        tokens = strip.tokens(value)
        for index in (0, 3, 4, 5, 40):
            p = probabilities(tab_write.distribution(value, index))
            assert p[tokens[index]["id"]] == pytest.approx(tokens[index]["p"], rel=0.01), index

    def test_a_click_shows_the_token_taken(self) -> None:
        value = written()
        event = gr.EventData(None, {"index": 4})
        sent = json.loads(tab_write.at_click(value, event)["distribution"])
        token = strip.tokens(value)[4]
        assert sent["chosen"] == token["id"]
        assert token["id"] in sent["ids"]
        assert len(sent["ids"]) == len(sent["texts"])

    def test_after_the_end_the_next_token_is_open(self) -> None:
        sent = json.loads(tab_write.at_end({**written(), "finish": "length"})["distribution"])
        assert sent["chosen"] is None
        assert strip.text(written()).endswith(sent["before"])

    @pytest.mark.parametrize(
        "broken",
        [
            None, [], {}, {"tokens": "x"}, {"tokens": "", "settings": {}, "prompt": ""},
            {"tokens": "", "settings": "{}", "prompt": "", "reads": '[[0, ["a"]]]', "run": ""},
            {"tokens": "{}", "settings": "{}", "prompt": "", "reads": "[[0, [1]]]", "run": ""},
            {"tokens": "", "settings": '{"checkpoint": "no"}', "prompt": "", "reads": "[]"},
            {"tokens": "", "settings": "[", "prompt": "", "reads": "[]", "run": ""},
        ],
    )  # fmt: skip
    def test_an_unreadable_strip_gets_a_message(self, broken: Any) -> None:
        with pytest.raises(gr.Error, match=" — "):
            tab_write.at_end(broken)

    def test_tokens_of_another_model_get_a_message(self) -> None:
        value = {**written(), "reads": "[[0, [1000000]]]"}
        with pytest.raises(gr.Error, match=" — "):
            tab_write.at_end(value)


def probabilities(update: dict[str, Any]) -> np.ndarray:
    import base64

    sent = json.loads(update["distribution"])
    z = np.frombuffer(base64.b64decode(sent["logits"]), "<f4").astype(float)
    p = np.exp(z - z.max())
    return p / p.sum()


class TestBadInput:
    @pytest.mark.parametrize(
        "bad",
        [
            {"model": "nope"}, {"model": "../../etc"}, {"style": "opera"},
            {"prompt": "x" * 100_000},
            {"tokens": 0}, {"tokens": float("nan")}, {"tokens": 10**9}, {"seed": -7},
            {"precision": "int4"}, {"settings": {"temperature": float("nan")}},
            {"settings": {"temperature": -1}}, {"settings": {"top_p": 3}},
            {"settings": {"top_k": "many"}}, {"settings": {"min_p": None}},
        ],
    )  # fmt: skip
    def test_says_what_and_what_to_try(self, bad: dict[str, Any]) -> None:
        with pytest.raises(gr.Error, match=" — "):
            list(write(tab_write.Writer(), **bad))

    @pytest.mark.parametrize("prompt", ["", None, "🦊🍇", "\x00\n\t", "лиса и виноград"])
    def test_any_text_may_begin(self, prompt: Any) -> None:
        value = written(prompt=prompt, tokens=5, settings={"temperature": 0, "other": 1})
        assert value["status"] == "done"

    def test_an_empty_seed_draws_one(self) -> None:
        assert list(write(tab_write.Writer(), seed=None, tokens=2))[-1][1] >= 0


class TestOpening:
    def test_is_written_once(self) -> None:
        openings = tab_write.Openings()
        ask = tab_write.opening_request("tiny", {}, "studio")
        first = list(openings.of(ask))[-1]
        assert list(openings.of(ask)) == [first]
        value, update = first
        assert value["status"] == "done"
        assert len(strip.tokens(value)) > 10
        assert json.loads(update["distribution"])["logits"]
        assert ask.style == "fable"

    def test_a_shared_link_is_the_same_text(self) -> None:
        value = written(seed=11, settings={"temperature": 1.5, "top_k": 9, "top_p": 1}, tokens=400)
        query = {
            "studio.seed": "11", "studio.prompt": "The fox", "studio.style": "fable",
            "studio.sampler": "T1.5_k9_p1", "other.seed": "5",
        }  # fmt: skip
        ask = tab_write.opening_request("tiny", query, "studio")
        opened = list(tab_write.Openings().of(ask))[-1][0]
        assert strip.text(opened) == strip.text(value)

    @pytest.mark.parametrize(
        "query",
        [
            {"studio.seed": "x"}, {"studio.seed": "9" * 30}, {"studio.style": "<script>"},
            {"studio.sampler": "T_kx_?9"}, {"studio.prompt": "y" * 9999},
        ],
    )  # fmt: skip
    def test_a_link_with_nonsense_opens(self, query: dict[str, str]) -> None:
        validate(tab_write.opening_request("tiny", query, "studio"))

    def test_a_link_out_of_range_is_refused_in_words(self) -> None:
        ask = tab_write.opening_request("tiny", {"studio.sampler": "T99"}, "studio")
        with pytest.raises(UserError, match="Temperature"):
            list(tab_write.Openings().of(ask))

    def test_without_a_model_it_says_so(self) -> None:
        ask = tab_write.opening_request("nope", {}, "studio")
        ((value, _),) = tab_write.Openings().of(ask)
        assert "Train page" in value["note"]

    def test_styles_are_the_tokenizers(self) -> None:
        assert tab_write.styles_of("tiny") == ("fable", "news")
        assert tab_write.styles_of("nope") == ()


class TestAround:
    def test_surprise_of_a_text(self) -> None:
        value = tab_more.measured("The fox saw the crow.", "tiny")
        tokens = strip.tokens(value)
        assert strip.text(value) == "The fox saw the crow."
        nats = -np.mean([np.log(t["p"]) for t in tokens])
        assert f"perplexity {np.exp(nats):,.0f}"[:13] == value["note"][:13]
        assert "bits per byte" in value["note"]

    @pytest.mark.parametrize("text", ["", " ", None, "x" * 100_000])
    def test_too_little_and_too_much(self, text: Any) -> None:
        with pytest.raises(gr.Error, match=" — "):
            tab_more.measured(text, "tiny")

    def test_samples_by_step(self, home: Path) -> None:
        kept = tab_more.samples("tiny")
        assert [s.step for s in kept] == [0, 10, 20]
        view = tab_more.learning_view(kept, 12)
        assert "&lt;b&gt;10&lt;/b&gt;" in view
        assert "8.000" in view
        (home / "checkpoints/gpt/tiny/samples.json").write_text('["only text"]')
        assert tab_more.samples("tiny") == []

    def test_thumbnail(self) -> None:
        import io

        from PIL import Image

        from genapp import service

        picture = tab_thumbnail.thumbnail(lambda name: service.models.get("gpt", name))
        assert Image.open(io.BytesIO(picture)).size == (640, 400)

    def test_api(self) -> None:
        text, seed = tab_api.generate("The fox", "fable", 0.9, 5, 0.9, 20, 7, "tiny")
        assert seed == 7
        assert tab_api.generate("The fox", "fable", 0.9, 5, 0.9, 20, 7, "tiny") == (text, 7)
        result = tab_api.score("The fox saw the crow.", checkpoint="tiny")
        assert result["perplexity"] == pytest.approx(np.exp(result["nats"]))
        assert "".join(t["text"] for t in result["tokens"]) == "The fox saw the crow."
        with pytest.raises(gr.Error, match=" — "):
            tab_api.generate(temperature=float("inf"), checkpoint="tiny")


class TestSpecAgrees:
    def test_every_knob_is_a_field(self) -> None:
        assert set(sampler.NAMES) <= set(params(GenerateRequest))
        assert len(set(sampler.CODES)) == len(sampler.NAMES)

    def test_presets_are_valid_requests(self) -> None:
        for preset in SAMPLERS.values():
            validate(GenerateRequest(**preset))
            assert set(preset) <= set(sampler.NAMES)
        assert set(tab_write.STYLES) == set(STYLES)
