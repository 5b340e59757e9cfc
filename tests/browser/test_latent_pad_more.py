"""The latent pad's tour, zoom, drawings, uploads, errors, themes."""

import json
from typing import Any

import numpy as np
import pytest
from pad_on_toy import GRID, SETTLED, atlas, codes, drag, grey, opened, picture, state, url

__all__ = ["opened", "url"]  # fixtures


def test_the_tour_plays_without_requests_until_touched(opened: Any) -> None:
    page = opened("one", tour=True)
    page.wait_for_function("pad.latentPad.tour.on && Number(pad.dataset.toured) > 0")
    first = picture(page)
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url) if "/live/" in r.url else None)
    frame = int(page.evaluate("pad.dataset.toured"))
    page.wait_for_function(f"(Number(pad.dataset.toured) - {frame} + 400) % 400 > 10")
    assert not asked
    assert np.abs(picture(page) - first).max() > 20
    drag(page, ".lp-map", [(0.5, 0.5), (0.6, 0.5)])
    page.wait_for_function(SETTLED)
    assert not page.evaluate("pad.latentPad.tour.on")
    assert asked


def test_wheel_and_double_click(opened: Any) -> None:
    page = opened("one")
    box = page.locator(".lp-map").bounding_box()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"])
    page.mouse.wheel(0, -240)
    whole = page.get_by_role("button", name="Whole map")
    whole.wait_for(state="visible")
    assert page.evaluate("pad.latentPad.view.width") < 0.9
    whole.click()
    whole.wait_for(state="hidden")
    page.mouse.dblclick(box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"])
    page.wait_for_function(
        "/Nearest code: \\d/.test(document.querySelector('.lp-done').textContent)"
    )
    exact = atlas("narrow").codes
    assert np.abs(exact - np.array(codes(page)[0])).max(1).min() < 0.02


def test_two_fingers_zoom(opened: Any) -> None:
    page = opened("one", has_touch=True)
    box = page.locator(".lp-map").bounding_box()
    touch = page.context.new_cdp_session(page)

    def fingers(kind: str, *xs: float) -> None:
        y = box["y"] + box["height"] / 2
        points = [{"x": box["x"] + x * box["width"], "y": y, "id": k} for k, x in enumerate(xs)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    fingers("touchStart", 0.45)
    fingers("touchStart", 0.45, 0.55)
    fingers("touchMove", 0.3, 0.7)
    fingers("touchEnd")
    page.wait_for_function("pad.latentPad.view.width < 0.5")


def test_a_drawing_is_centred_encoded_and_found_on_the_map(opened: Any) -> None:
    page = opened("")
    drag(page, ".lp-sketch", [(0.1, 0.1), (0.35, 0.1), (0.2, 0.5)])
    page.wait_for_function(
        "[...document.querySelectorAll('.lp-sse')].every((m) => m.textContent === '12.5')"
    )
    page.wait_for_function(SETTLED)
    page.wait_for_function("pad.latentPad.pads.every((p) => p.encoder.idle())")
    mine = grey(page, ".lp-back")
    assert 40 < (mine > 64).sum() < 250
    middle = [(mine.sum(axis) * (GRID + 0.5)).sum() / mine.sum() for axis in (0, 1)]
    assert middle == pytest.approx([14.5, 14.5], abs=0.6)  # by mass, as MNIST was made
    rows = np.flatnonzero(mine.max(1) > 30)
    assert 18 <= np.ptp(rows) + 1 <= 21  # in a box of 20
    assert codes(page)[0] == pytest.approx([0.1, -0.1], abs=0.15)  # the cursor went there
    page.get_by_role("button", name="Clear").click()
    page.wait_for_function("[...document.querySelectorAll('.lp-mirror')].every((m) => m.hidden)")


def test_uploads(opened: Any, tmp_path: Any) -> None:
    from PIL import Image, ImageDraw

    page = opened("one")
    error = page.locator(".lp-error")
    text, huge, blank, digit = (tmp_path / n for n in ("a.txt", "b.png", "c.png", "d.jpg"))
    text.write_text("seven")
    Image.new("1", (8000, 5200)).save(huge)
    Image.new("L", (200, 200), 255).save(blank)
    image = Image.new("RGB", (900, 600), "#fdf6e3")
    ImageDraw.Draw(image).line([(400, 100), (520, 100), (430, 480)], fill="#123", width=40)
    image.save(digit)
    for path, words in (
        (text, "not a picture — "),
        (huge, "42 megapixels — "),
        (blank, "blank — "),
    ):
        page.locator(".lp-upload").set_input_files(path)
        page.wait_for_function(
            "(words) => document.querySelector('.lp-error').innerText.includes(words)", arg=words
        )
        assert error.is_visible()
    page.locator(".lp-upload").set_input_files(digit)
    page.locator(".lp-mirror").wait_for(state="visible")
    error.wait_for(state="hidden")
    assert 40 < (grey(page, ".lp-back") > 64).sum() < 250


def test_a_picture_made_like_mnist_arrives_unchanged(opened: Any, tmp_path: Any) -> None:
    from PIL import Image

    rng = np.random.default_rng(0)
    mnist = np.zeros((28, 28), np.uint8)
    mnist[4:24, 8:22] = rng.integers(0, 256, (20, 14))
    mnist[4, 8] = mnist[23, 21] = 255
    mass = mnist.sum()
    row, column = ((mnist.sum(axis) * (GRID + 0.5)).sum() / mass for axis in (1, 0))
    assert (int(row), int(column)) == (14, 14)  # centred as every MNIST picture is
    Image.fromarray(mnist).save(tmp_path / "seven.png")
    page = opened("one")
    page.locator(".lp-upload").set_input_files(tmp_path / "seven.png")
    page.locator(".lp-mirror").wait_for(state="visible")
    assert np.abs(grey(page, ".lp-back").astype(int) - mnist).max() <= 2


def test_from_a_to_b(opened: Any) -> None:
    page = opened("one")
    for name, z in (("A is here", "-2, 0"), ("B is here", "2, 1")):
        page.locator(".lp-z").fill(z)
        page.locator(".lp-z").press("Enter")
        page.get_by_role("button", name=name).click()
    bar = page.get_by_role("slider", name="Way from A to B")
    bar.fill("0.25")
    page.wait_for_function(SETTLED)
    assert codes(page)[0] == pytest.approx([-1, 0.25], abs=0.011)


def test_an_error_is_words_and_retry_works(opened: Any) -> None:
    page = opened("one")
    state.broken = state.forgiving = True
    drag(page, ".lp-map", [(0.5, 0.5), (0.7, 0.7)])
    error = page.locator(".lp-error")
    error.wait_for(state="visible")
    assert "The decoder is out of order — wait for the repair." in error.inner_text()
    state.broken = False
    page.get_by_role("button", name="Try again").click()
    error.wait_for(state="hidden")
    page.wait_for_function(SETTLED)


def test_png_tells_how_it_was_made(opened: Any) -> None:
    page = opened("one?z=1,2")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save PNG").click()
    from PIL import Image

    image = Image.open(download.value.path())
    image.load()
    assert image.size == (560, 560)
    assert image.text["Description"] == "toy/narrow, z = [1.00, 2.00]"  # type: ignore[attr-defined]
    assert download.value.suggested_filename == "narrow_1.00_2.00.png"


def test_another_checkpoint_keeps_the_cursor(opened: Any) -> None:
    page = opened("one?z=1.5,1.5")
    page.evaluate("pad.latentPad.use(0, {checkpoint: 'wide', title: 'Wide'})")
    page.wait_for_function("document.querySelector('.lp-title').textContent === 'Wide'")
    page.wait_for_function("document.querySelector('.lp-z').value.startsWith('12.5')")
    page.wait_for_function("pad.latentPad.pads[0].stream.idle()")
    assert codes(page)[0] == pytest.approx([12.5, 15], abs=0.011)


def test_the_theme_may_change_at_any_time(opened: Any) -> None:
    page = opened("one?z=1.5,1.5")
    page.wait_for_function(SETTLED)
    ink = """() => Array.from(document.querySelector('.lp-picture').getContext('2d')
      .getImageData(20, 7, 1, 1).data)"""
    light = page.evaluate(ink)
    page.evaluate("document.body.classList.toggle('dark')")
    page.wait_for_function(
        f"JSON.stringify(({ink})()) !== '{json.dumps(light, separators=(',', ':'))}'"
    )
    dark = page.evaluate(ink)
    assert light[3] == dark[3] > 200  # the same opacity, other ink
    assert abs(sum(light[:3]) - sum(dark[:3])) > 300


def test_a_phone_stacks_the_pads(opened: Any) -> None:
    page = opened("", viewport={"width": 390, "height": 844}, has_touch=True)
    boxes = page.evaluate(
        "[...document.querySelectorAll('.lp-map')].map((m) => m.getBoundingClientRect().toJSON())"
    )
    assert boxes[1]["top"] > boxes[0]["bottom"]
    assert all(box["width"] > 300 for box in boxes)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    before = codes(page)[0]
    page.locator(".lp-map").first.tap(position={"x": 60, "y": 60})
    page.wait_for_function(SETTLED)
    assert codes(page)[0] != before
