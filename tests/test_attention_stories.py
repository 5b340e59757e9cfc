"""The Viewer's stories, sources and comparisons: what is told must be there to be seen."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest
from attention_on_toy import TEXT, loaded, maps_for, maps_of

from genapp import checkpoints, service
from genapp.attention import Maps, Readout
from genapp.errors import UserError
from genapp.ui.pages import attention_asked as asking
from genapp.ui.pages import attention_compare as comparing
from genapp.ui.pages import attention_panel, attention_viewer
from genapp.ui.pages import attention_stories as stories
from genapp.ui.pages.attention_panel import Spot

__all__ = ["loaded"]  # a fixture

GPT, CROSS = "gpt/gpt-mini", "transformer/mt-transformer"
RUSSIAN = "собака спит на улице."


def row_of(story: stories.Story) -> tuple[Maps, int, np.ndarray]:
    """The map, query and weights (Tk,) that a story holds."""
    found = service.attention(*story.model.split("/"), story.text)
    maps = found[story.look.get("map", 0)]
    A = maps.layer(story.look["layer"])
    head, query = story.look["head"], story.look["lock"]["q"]
    return maps, query, (A.mean(0) if head == -1 else A[head])[query]


class TestStories:
    @pytest.mark.parametrize(
        ("model", "name", "query", "key"),
        [
            (GPT, "it → animal", " it", " animal"),
            (GPT, "who gave what", " food", " gave"),
            (GPT, "obey what?", " it", "ers"),
            (CROSS, "word order", " in", " в"),
            (CROSS, "the street", " the", " ули"),
            ("transformer/toy-reverse", "backwards", " d", " d"),
            ("seq2seq/mt-gru-attn", "one head", " car", " машину"),
            ("seq2seq/toy-reverse-attn", "backwards", " d", " e"),
            ("seq2seq/toy-copy-attn", "copying", " c", " c"),
        ],
    )
    def test_points_at_its_word(self, model: str, name: str, query: str, key: str) -> None:
        (story,) = [s for s in stories.STORIES if s.model == model and s.name == name]
        maps, at, row = row_of(story)
        assert maps.queries.tokens[at] == query
        assert maps.keys.tokens[int(row.argmax())] == key

    def test_copying_looks_behind_earlier_copies(self) -> None:
        (story,) = [s for s in stories.STORIES if s.model == GPT and s.name == "copying"]
        maps, at, row = row_of(story)
        tokens = maps.queries.tokens
        after = [i + 1 for i in range(len(row) - 1) if tokens[i] == tokens[at]]
        assert row[after].sum() > 0.4

    def test_word_order_and_articles(self) -> None:
        """The rest of what those two notes say."""
        order, street = (s for s in stories.STORIES if s.model == CROSS)
        maps, _, _ = row_of(order)
        best = maps.layer(2)[1].argmax(-1)
        words = {maps.queries.tokens[q]: maps.keys.tokens[int(k)] for q, k in enumerate(best)}
        assert (words[" my"], words[" lives"], words[" in"]) == (" мой", " живёт", " в")
        maps, _, _ = row_of(street)
        assert maps.keys.tokens[int(maps.layer(1)[0][0].argmax())] == " собака"

    def test_each_model_has_its_own(self) -> None:
        assert {s.model for s in stories.of(GPT)} == {GPT}
        assert {s.model for s in stories.of("gpt/mine")} == {GPT}
        assert {s.model for s in stories.of(CROSS)} == {CROSS}
        assert stories.of("vit/vit-cifar") == []
        for _, model in asking.models():
            assert len(stories.of(model)) <= stories.MOST

    @pytest.mark.parametrize(
        ("model", "text", "first"),
        [
            (CROSS, stories.STORIES[0].text, "word order"),
            ("transformer/toy-reverse", RUSSIAN, "backwards"),
            (GPT, RUSSIAN, "it → animal"),
            (CROSS, "", "word order"),
            (CROSS, RUSSIAN, None),  # its own
            (CROSS, "я сам это написал.", None),  # a visitor's words stay
            (GPT, "my own words", None),
        ],
    )
    def test_another_model_keeps_what_a_visitor_wrote(
        self, model: str, text: str, first: str | None
    ) -> None:
        found = stories.instead(model, text)
        assert (found.name if found else None) == first

    def test_a_models_first_story_comes_with_it(self) -> None:
        text, value, note = attention_viewer.chosen(CROSS, stories.STORIES[0].text, None)
        assert text == stories.of(CROSS)[0].text
        assert json.loads(value["see"])["map"] == stories.CROSS
        assert "in this house lives" in note
        kept, value, _ = attention_viewer.chosen(CROSS, RUSSIAN, None)
        assert kept == gr.skip()
        assert json.loads(value["asked"])["text"] == RUSSIAN

    def test_a_broken_folder_is_left_out(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        broken = tmp_path / "checkpoints" / "gpt" / "broken"
        broken.mkdir(parents=True)
        (broken / checkpoints.META).write_text('{"family": "gpt"', "utf-8")
        monkeypatch.setenv("GENAPP_HOME", str(tmp_path))
        assert "broken" in checkpoints.find("gpt")
        names = [name for _, name in asking.models()]
        assert "gpt/broken" not in names
        assert GPT in names


class TestPanelByMap:
    def test_a_link_names_its_token(self) -> None:
        assert attention_viewer.linked("l3_h2_a2_q4_k1") == Spot(2, 4)
        assert attention_viewer.linked("l3_h2_q10") == Spot(0, 10)
        for see in ("", "l3_h2", "q", "l1_qx", "q99999"):
            assert attention_viewer.linked(see) is None

    def test_encoder_decoder_and_cross(self) -> None:
        passed = service.attention("transformer", "mt-transformer", RUSSIAN)
        encoder, decoder, cross = passed
        at = 2
        said = attention_panel.words(passed, passed, Spot(1, at))
        assert f"What comes after “{decoder.queries.tokens[at].strip()}”" in said
        said = attention_panel.words(passed, passed, Spot(2, at))
        assert f"In place of “{cross.queries.tokens[at].strip()}”" in said
        last = decoder.queries.tokens[-1].strip()
        assert encoder.readout is None
        for spot in (Spot(0, at), None):  # the encoder says nothing: the speaking map's last token
            assert f"What comes after “{last}”" in attention_panel.words(passed, passed, spot)

    def test_a_swap_keeps_the_place(self) -> None:
        """After a longer word in the source, the untouched pass is read at the same word."""
        before = service.attention("transformer", "mt-transformer", RUSSIAN + "\nthe dog.")
        after = service.attention(
            "transformer", "mt-transformer", RUSSIAN + "\nthe dog.", {"swap": {0: "машина машина"}}
        )
        asked: list[int] = []

        def logp(query: int) -> np.ndarray:
            asked.append(query)
            assert before[2].readout is not None
            return before[2].readout.logp(query)

        from dataclasses import replace

        told = Readout(logp=logp, name=str)
        attention_panel.words(after, [*before[:2], replace(before[2], readout=told)], Spot(2, 1))
        assert asked == [1]


class TestCompare:
    def value(self, text: str, model: str = GPT, **changes: Any) -> dict[str, str]:
        asked = asking.Asked(model=model, text=text, changes=changes)
        return asked.value(asked.maps())

    def test_another_sentence(self) -> None:
        got = attention_viewer.compared(self.value("The wolf ran"), "The animal ran away", "")
        (mine,), (other,) = json.loads(got["maps"]), json.loads(got["otherMaps"])
        assert mine["queries"]["tokens"][2] == " wolf"
        assert other["queries"]["tokens"][2] == " animal"
        assert got["otherName"] == "“The animal ran away”"
        assert got["other"] != got["key"]
        panel = asking.panel_of(got, Spot(0, 2))
        assert "<th>other</th><th>this</th>" in panel

    def test_before_the_changes(self) -> None:
        got = attention_viewer.compared(self.value("The wolf ran", hide=[2]), " ", "")
        assert got["otherName"] == "before the changes"
        event: Any = SimpleNamespace(changes='{"hide": [1]}')
        again = attention_viewer.intervened(got, event)
        assert json.loads(again["asked"])["other"]["text"] == "The wolf ran"
        assert again["other"]
        assert not attention_viewer.uncompared(again)["other"]
        assert json.loads(attention_viewer.uncompared(again)["changes"]) == {"hide": [1]}

    def test_another_model_of_the_same_words(self) -> None:
        with pytest.raises(gr.Error, match="different tokens"):
            attention_viewer.compared(self.value("The wolf ran"), "", "gpt/gpt-char")
        with pytest.raises(gr.Error, match="look in different ways"):
            attention_viewer.compared(self.value(RUSSIAN, CROSS), "", "seq2seq/mt-gru-attn")
        comparing.check([maps_for(3)], [maps_for(3, layers=4)], same_model=False)
        with pytest.raises(UserError, match="different tokens"):
            comparing.check([maps_for(3)], [maps_for(4)], same_model=False)
        comparing.check([maps_for(3)], [maps_for(4)], same_model=True)

    def test_other_sentences_are_read_by_place(self, loaded: service.Loaded) -> None:
        one, two = [maps_of(loaded)], [maps_of(loaded, TEXT[:5])]
        said = attention_panel.words(one, two, Spot(0, 12), ("other", "this"), same=False)
        assert "KL, other ‖ this" in said
