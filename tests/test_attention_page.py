"""The attention viewer's route, widget and tab: what they send, and what they refuse."""

import base64
import json
import struct
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from attention_on_toy import SHAPE, TEXT, loaded, maps_for, maps_of
from fastapi import FastAPI
from starlette.testclient import TestClient

from genapp import attention_flow as flows
from genapp import service
from genapp.attention import Maps, Side
from genapp.ui import live, live_attention
from genapp.ui.pages import attention_api, attention_panel, attention_viewer
from genapp.ui.pages.attention_panel import Spot
from genapp.ui.widgets.attention_view import widget as view

__all__ = ["loaded"]  # a fixture


class TestRoute:
    @pytest.fixture
    def client(self) -> Iterator[TestClient]:
        app = FastAPI()
        live.mount(app)
        with TestClient(app) as client:
            yield client

    def ask(self, client: TestClient, key: str, op: str, *numbers: float) -> Any:
        body = struct.pack("<4I", live.MAGIC, 1, 1, len(numbers))
        body += np.asarray(numbers, "<f4").tobytes()
        return client.post(f"/live/attention/{key}/{op}", content=body)

    def array(self, reply: Any) -> np.ndarray:
        assert reply.status_code == 200, reply.text
        _, _, dtype, ndim = struct.unpack_from("<4I", reply.content)
        shape = struct.unpack_from(f"<{ndim}I", reply.content, 16)
        at = 20 + 4 * ndim
        return np.frombuffer(reply.content, live.DTYPES[dtype], offset=at).reshape(shape)

    def test_layer_row_and_the_rest(self, client: TestClient, loaded: service.Loaded) -> None:
        maps = maps_of(loaded)
        key, T = live_attention.keep([maps]), len(TEXT)
        A = maps.layer(1)
        got = self.array(self.ask(client, key, "layer", 0, 1))
        assert got.dtype == np.uint8
        assert np.abs(got / 255 - A).max() <= 1 / 510 + 1e-7
        row = self.array(self.ask(client, key, "row", 0, 1, 2, 5))
        assert row.shape == (4, T)
        np.testing.assert_array_equal(row[3], A[2, 5])
        np.testing.assert_allclose(
            self.array(self.ask(client, key, "row", 0, 1, -1, 5))[0], A[:, 5].mean(0), atol=1e-6
        )
        np.testing.assert_array_equal(
            self.array(self.ask(client, key, "row", 0, 1, -2, 5))[0], A[:, 5].max(0)
        )
        stats = self.array(self.ask(client, key, "stats", 0, 1))
        np.testing.assert_allclose(stats[:, 0], flows.entropy(A), rtol=1e-5)
        np.testing.assert_allclose(stats[:, 3:].sum(1), 1, atol=1e-5)
        assert self.array(self.ask(client, key, "thumbs", 0, 1, 8)).shape == (4, 8, 8)
        R = flows.rollout([maps.layer(i) for i in range(3)])
        rolled = self.array(self.ask(client, key, "rollout", 0, 2, 0, 0))
        assert np.abs(rolled[0] / 255 - R).max() <= 1 / 510 + 1e-6
        F = flows.flow([maps.layer(i) for i in range(2)])
        flowed = self.array(self.ask(client, key, "flow", 0, 1))
        assert np.abs(flowed[0] / 255 - F).max() <= 1 / 510 + 1e-6

    @pytest.mark.parametrize(
        ("op", "numbers", "words"),
        [
            ("layer", (0, 9), "no layer 9"),
            ("layer", (1, 0), "no map 1"),
            ("layer", (0, 0.5), "no layer 0.5"),
            ("layer", (0, -1), "no layer -1"),
            ("layer", (0,), "got 1 numbers"),
            ("layer", (0, np.nan), "finite"),
            ("row", (0, 0, 7, 0), "no head 7"),
            ("row", (0, 0, 0, 40), "no token 40"),
            ("rollout", (0, 0, 3, 0), "no way to join heads 3"),
            ("flow", (0, 0), "too many for flow"),
            ("everything", (0,), "Unknown operation"),
        ],
    )
    def test_bad_requests(self, client: TestClient, op: str, numbers: Any, words: str) -> None:
        reply = self.ask(client, live_attention.keep([maps_for(40)]), op, *numbers)
        assert reply.status_code == 400
        assert words in reply.json()["error"]

    def test_only_square_maps_roll(self, client: TestClient) -> None:
        toy = maps_for(3)
        cross = Maps(
            queries=toy.queries, keys=Side(tokens=("x", "y", "z")), kind="cross", title="Toy",
            layers=1, heads=1, layer=toy.layer,
        )  # fmt: skip
        reply = self.ask(client, live_attention.keep([cross]), "rollout", 0, 0, 0, 0)
        assert "choose a self-attention map" in reply.json()["error"]

    def test_a_pass_that_fell_off_says_so(self, client: TestClient) -> None:
        reply = self.ask(client, "gone", "layer", 0, 0)
        assert "left the server's memory — press Draw" in reply.json()["error"]

    def test_the_shelf_is_bounded(self) -> None:
        one = maps_for(100)  # 2 layers × 2 heads × 100² × 4 bytes
        shelf = live_attention.Shelf(budget=1_000_000, most=50)
        keys = [shelf.keep([one]) for _ in range(20)]
        held = [k for k in keys if k in shelf._kept]
        assert held == keys[-6:]
        few = live_attention.Shelf(most=3)
        keys = [few.keep([maps_for(2)]) for _ in range(5)]
        few.get(keys[2])  # touched, so it outlives the next
        few.keep([maps_for(2)])
        assert keys[2] in few._kept
        assert keys[3] not in few._kept

    def test_threads_share_a_pass(self, loaded: service.Loaded) -> None:
        key = live_attention.keep([maps_of(loaded, "a fox and a crow and a dog")])
        results: list[Any] = []

        def look(layer: int) -> None:
            results.append((layer, live_attention.answer(key, "layer", np.float32([[0, layer]]))))

        threads = [threading.Thread(target=look, args=(i % 3,)) for i in range(12)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert len(results) == 12
        fresh = maps_of(loaded, "a fox and a crow and a dog")
        for layer, got in results:
            np.testing.assert_array_equal(got, flows.quantise(fresh.layer(layer)))


class TestWidget:
    def test_no_weights_in_the_value(self, loaded: service.Loaded) -> None:
        value = view.value([maps_of(loaded)], see=view.look(layer=1, head="mean"), asked="{}")
        assert all(isinstance(v, str) for v in value.values())
        about = json.loads(value["maps"])[0]
        assert about["square"]
        assert about["keys"] is None
        assert about["queries"]["tokens"] == list(TEXT)
        assert json.loads(value["see"])["head"] == -1
        assert sum(map(len, value.values())) < 2_500

    def test_inline_grows(self) -> None:
        keys = ["die", "Straße"]
        for rows in range(3):
            weights = np.full((rows, 2), 0.5, np.float32)
            value = view.inline(["the", "street"][:rows], keys, weights, run="same")
            raw = np.frombuffer(base64.b64decode(value["matrix"]), "<f4")
            np.testing.assert_array_equal(raw.reshape(rows, 2), weights)
            assert value["run"] == "same"
        with pytest.raises(ValueError, match=r"weights \(1, 2\) for 2 × 2"):
            view.inline(["a", "b"], keys, np.ones((1, 2)))
        with pytest.raises(ValueError, match="kind is 'x'"):
            view.inline(["a"], keys, np.ones((1, 2)), kind="x")

    def test_pictures_travel_with_their_patches(self) -> None:
        side = Side(tokens=tuple("abcd"), kinds=("patch",) * 4, grid=(2, 2), image=b"\x89PNG...")
        value = view.inline(["what"], side, np.full((1, 4), 0.25))
        keys = json.loads(value["maps"])[0]["keys"]
        assert keys["grid"] == [2, 2]
        assert keys["image"].startswith("data:image/png;base64,")


class TestPage:
    def test_panel_tells_before_from_after(self, loaded: service.Loaded) -> None:
        before, after = [maps_of(loaded)], [maps_of(loaded, hide=[4])]
        calm = attention_panel.words(before, before, None)
        assert ">before<" not in calm
        assert calm.count('scope="row"') == attention_panel.SHOWN + SHAPE.layers + 1
        moved = attention_panel.words(after, before, Spot(0, 12))
        assert "nats (KL" in moved
        assert ">before<" in moved

    def test_endpoint(self) -> None:
        got = attention_api.attention_maps("The fox", layer=3, head=-1)
        matrix = np.array(got["matrix"])
        assert got["queries"] == got["keys"] == ["<|endoftext|>", "The", " fox"]
        np.testing.assert_allclose(matrix.sum(-1), 1, atol=1e-3)
        assert not matrix[np.triu_indices(3, 1)].any()

    @pytest.mark.parametrize(
        ("wrong", "words"),
        [({"layer": 4}, "no layer 4"), ({"head": 8}, "no head 8"), ({"map": 1}, "no map 1"),
         ({"checkpoint": "x"}, "no checkpoint"), ({"text": ""}, "There is no text")],
    )  # fmt: skip
    def test_endpoint_refuses_in_words(self, wrong: dict[str, Any], words: str) -> None:
        import gradio as gr

        with pytest.raises(gr.Error, match=words):
            attention_api.attention_maps(**{"text": "The fox", **wrong})

    def test_a_strange_value_is_a_message(self) -> None:
        from types import SimpleNamespace

        import gradio as gr

        for value in ({}, {"asked": "{}"}, {"asked": "["}, None):
            with pytest.raises(gr.Error, match="picture on the page can"):
                attention_viewer.intervened(value, SimpleNamespace(changes="{}"))  # type: ignore[arg-type]
