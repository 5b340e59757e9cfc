"""The Latent page over HTTP, and as a page: what its endpoints give and refuse."""

import io
import time

import gradio as gr
import numpy as np
import pytest
from latent_help import VAE, three
from PIL import Image

from genapp.families.autoencoders import (
    tab_collapse,
    tab_pad,
    tab_uses,
    use_views,
)


def png(size: tuple[int, int], mode: str = "L", colour: object = 255, ink: bool = True) -> bytes:
    image = Image.new(mode, size, colour)  # type: ignore[arg-type]
    if ink:
        image.paste(0, (size[0] // 3, size[1] // 4, size[0] // 2, 3 * size[1] // 4))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


class TestApi:
    def test_sampling(self) -> None:
        reply = tab_pad.sample_digits(VAE, "prior", 12, 1.0, 3)
        assert np.shape(reply["images"]) == (12, 28, 28)
        assert np.shape(reply["codes"]) == (12, 2)
        assert reply["seed"] == 3
        assert reply["gauges"]["frechet"] > 0
        assert tab_pad.sample_digits(VAE, "prior", 12, 1.0, 3)["images"] == reply["images"]

    @pytest.mark.parametrize(
        "bad",
        [{"checkpoint": "nope"}, {"sampler": "dice"}, {"count": 0}, {"count": 10**6},
         {"temperature": float("nan")}, {"seed": -5}, {"seed": 2**40}, {"checkpoint": None}],
    )  # fmt: skip
    def test_bad_sampling_requests_are_words(self, bad: dict) -> None:
        with pytest.raises(gr.Error, match=" — "):
            tab_pad.sample_digits(**bad)

    def test_a_digit_as_numbers_and_as_a_file(self) -> None:
        reply = tab_uses.encode_digit(None, three().tolist(), "ae-dense-8")
        assert np.shape(reply["code"]) == (8,)
        assert np.shape(reply["reconstruction"]) == (28, 28)
        assert reply["percentile"] < 95
        flat = tab_uses.encode_digit(None, three().ravel().tolist(), "ae-dense-8")
        assert flat["code"] == reply["code"]
        from_file = tab_uses.encode_digit(png((300, 300)), None, "ae-dense-8")
        assert np.shape(from_file["input"]) == (28, 28)
        assert np.max(from_file["input"]) > 200

    @pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "I;16"])
    def test_large_files_of_every_kind_are_read(self, mode: str) -> None:
        grey = np.full((1200, 1600), 255, np.uint8)
        grey[300:900, 600:700] = 0
        sixteen = Image.fromarray(grey.astype(np.uint16) * 257)
        image = sixteen if mode == "I;16" else Image.fromarray(grey).convert(mode)
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        digit = tab_uses.digit_of(buffer.getvalue(), None)
        assert digit.max() > 200
        assert 20 < (digit > 128).sum() < 120

    @pytest.mark.parametrize(
        "grey",
        [
            [[float("nan")] * 28] * 28,
            [[300] * 28] * 28,
            [[-1] * 28] * 28,
            [[0] * 27] * 28,
            [[0] * 28] * 27,
            [["a"] * 28] * 28,
            [[0], [1, 2]],
            [],
            "text",
            {"a": 1},
            None,
        ],
    )
    def test_bad_numbers_are_words(self, grey: object) -> None:
        for endpoint in (tab_uses.encode_digit, tab_uses.denoise_digit):
            with pytest.raises(gr.Error, match=" — "):
                endpoint(None, grey)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("file", "words"),
        [
            (b"%PDF-1.4 not a picture", "is not an image"),
            (b"<svg onload='x'/>", "is not an image"),
            (png((64, 64))[:60], "damaged"),
            (png((12_000, 12_000), "1", 1), "pixels"),
            (png((64, 64), ink=False), "nothing drawn"),
        ],
    )
    def test_bad_files_are_words(self, file: bytes, words: str) -> None:
        with pytest.raises(gr.Error, match=words) as caught:
            tab_uses.encode_digit(file, None)
        assert " — " in str(caught.value)

    def test_a_bomb_is_refused_by_its_header(self) -> None:
        import struct
        import zlib

        def chunk(kind: bytes, data: bytes) -> bytes:
            crc = struct.pack(">I", zlib.crc32(kind + data))
            return struct.pack(">I", len(data)) + kind + data + crc

        header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 6, 0, 0, 0)
        body = zlib.compress(bytes(20 << 20), 9)  # 20 MB of nothing in 20 kB
        bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body)
        start = time.perf_counter()
        with pytest.raises(gr.Error, match="pixels"):
            tab_uses.denoise_digit(bomb, None)
        assert time.perf_counter() - start < 2

    def test_cleaning(self) -> None:
        reply = tab_uses.denoise_digit(None, three().tolist(), "gaussian", 0.4, 0)
        assert set(reply["outputs"]) == set(use_views.METHODS)
        assert reply["psnr"]["network"] > reply["psnr"]["noisy"] + 3
        again = tab_uses.denoise_digit(None, three().tolist(), "gaussian", 0.4, 0)
        assert again["noisy"] == reply["noisy"]

    @pytest.mark.parametrize(
        "bad",
        [{"noise": "rain"}, {"level": float("nan")}, {"level": 2.0}, {"level": "much"},
         {"seed": -1}, {"seed": None}, {"seed": float("inf")}],
    )  # fmt: skip
    def test_bad_cleaning_requests_are_words(self, bad: dict) -> None:
        with pytest.raises(gr.Error, match=" — "):
            tab_uses.denoise_digit(None, three().tolist(), **bad)


class TestPage:
    def test_the_three_tabs_fit_the_page(self) -> None:
        from genapp.ui.context import Context

        with gr.Blocks() as demo:
            for name, tab in (("pad", tab_pad), ("collapse", tab_collapse), ("uses", tab_uses)):
                with gr.Tab(name):
                    tab.build(Context(demo, "latent", name))
        assert len(demo.blocks) <= 150
        named = {f.api_name for f in demo.fns.values() if f.api_visibility == "public"}
        assert named == {"sample_digits", "encode_digit", "denoise_digit"}
