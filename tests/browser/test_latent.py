"""The Latent page as a person uses it: drag, slide, draw; and its HTTP API."""

import io
import json

import numpy as np
import pytest
from PIL import Image

PICTURES = "[...document.querySelectorAll('#latent-pad .lp-picture')].map(c => c.toDataURL())"
PAD = "document.querySelector('#latent-pad .lp').parentElement"
READY = f"document.querySelector('#latent-pad .lp') && {PAD}.dataset.state === 'ready'"
COLLAPSE = "document.querySelector('#collapse .bx').parentElement"
TABS = {
    "pad": ("Latent pad", "#walls .ae-card"),
    "collapse": ("Prior strength", "#collapse .bx-view .ae-card"),
    "uses": ("Autoencoders", "#uses-result .ae-card"),
}
pytestmark = pytest.mark.timeout(400)


def opened(visit, tab: str, query: str = ""):  # type: ignore[no-untyped-def]
    """The page with ``tab`` in front and its first result on the screen, nothing else clicked."""
    page = visit.open(f"/latent?{query}")
    page.set_default_timeout(90_000)
    title, result = TABS[tab]
    tab_button = page.get_by_role("tab", name=title)
    page.wait_for_selector("[role=tab]")
    if not tab_button.is_visible():  # on a narrow screen Gradio folds the last ones away
        page.get_by_label("More tabs").click()
        tab_button = page.locator(".overflow-dropdown button", has_text=title)
    tab_button.click()
    page.wait_for_selector(result)
    return page


def box_of(page, selector: str) -> dict:  # type: ignore[no-untyped-def]
    page.locator(selector).first.scroll_into_view_if_needed()
    return page.locator(selector).first.bounding_box()


class TestPad:
    def test_a_drag_changes_both_pictures(self, visit) -> None:  # type: ignore[no-untyped-def]
        page = opened(visit, "pad")
        page.wait_for_function(READY, timeout=90_000)
        box = box_of(page, "#latent-pad .lp-map")
        page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.3 * box["height"])
        page.mouse.down()
        page.wait_for_function(f"{PAD}.dataset.lastPainted === {PAD}.dataset.lastSent")
        before = page.evaluate(PICTURES)
        for share in (0.4, 0.6, 0.8):
            page.mouse.move(box["x"] + share * box["width"], box["y"] + 0.7 * box["height"])
        page.mouse.up()
        page.wait_for_function(
            f"before => {{ const now = {PICTURES};"
            " return now.length === 2 && now.every((p, k) => p !== before[k]); }",
            arg=before,
        )

    def test_walls_carry_their_gauges_and_new_digits_are_new(self, visit) -> None:  # type: ignore[no-untyped-def]
        page = opened(visit, "pad")
        page.wait_for_selector("#walls :text('Is it plausible?')")
        source = "document.querySelector('#walls img[data-main]').src"
        before = page.evaluate(source)
        page.get_by_role("button", name="New digits").click()
        page.wait_for_function(f"before => {source} !== before", arg=before)
        page.wait_for_function("new URLSearchParams(location.search).get('pad.seed')")
        seed = page.evaluate("new URLSearchParams(location.search).get('pad.seed')")
        assert int(seed) >= 0

    def test_a_shared_link_gives_the_same_wall(self, visit) -> None:  # type: ignore[no-untyped-def]
        source = "document.querySelector('#walls img[data-main]').src"
        seen = []
        for _ in range(2):
            page = opened(visit, "pad", "pad.seed=123&pad.sampler=box")
            page.wait_for_selector("#walls [data-save*='box-seed123']")
            seen.append(page.evaluate(source))
        assert seen[0] == seen[1]

    def test_a_path_follows_its_ends(self, visit) -> None:  # type: ignore[no-untyped-def]
        page = opened(visit, "pad")
        source = "document.querySelector('#path img')?.src"
        page.wait_for_function(source)
        before = page.evaluate(source)
        page.get_by_label("to a").click()
        page.get_by_role("option", name="0", exact=True).click()
        page.wait_for_function(f"before => {source} !== before", arg=before)


class TestCollapse:
    def test_the_slider_changes_the_picture_at_once(self, visit) -> None:  # type: ignore[no-untyped-def]
        page = opened(visit, "collapse")
        page.wait_for_function(f"{COLLAPSE}.dataset.state === 'ready'")
        before = page.locator("#collapse .bx-view img").nth(2).get_attribute("src")
        page.locator("#collapse .bx-range").focus()
        milliseconds = page.evaluate(
            """() => {
              const range = document.querySelector('#collapse .bx-range');
              const start = performance.now();
              range.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true}));
              document.querySelector('#collapse .bx-view').getBoundingClientRect();
              return performance.now() - start;
            }"""
        )
        assert page.locator("#collapse .bx-view img").nth(2).get_attribute("src") != before
        assert milliseconds < 150
        assert page.locator("#collapse .bx-b").inner_text() == "2"

    def test_pulling_to_the_right_kills_one_number_then_both(self, visit) -> None:  # type: ignore[no-untyped-def]
        page = opened(visit, "collapse")
        page.locator("#collapse .bx-range").focus()
        for _ in range(2):
            page.keyboard.press("ArrowRight")
        page.wait_for_selector("#collapse :text('One number is dead.')")
        page.keyboard.press("End")
        page.wait_for_selector("#collapse :text('Both numbers are dead.')")
        assert "collapse.b=20" in page.url

    def test_a_link_opens_at_its_b(self, visit) -> None:  # type: ignore[no-untyped-def]
        page = opened(visit, "collapse", "collapse.b=7.84")
        page.wait_for_selector("#collapse :text('One number is dead.')")
        assert page.locator("#collapse .bx-b").inner_text() == "7.84"


def drag_line(page, shares: list[tuple[float, float]]) -> None:  # type: ignore[no-untyped-def]
    """One stroke on the sheet through points given in shares of its side."""
    box = box_of(page, ".dc-sheet")
    for k, (x, y) in enumerate(shares):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
        if k == 0:
            page.mouse.down()
    page.mouse.up()


class TestUses:
    FIRST = "document.querySelectorAll('#uses-result img')[{}].src"

    def test_a_drawn_digit_comes_back(self, visit) -> None:  # type: ignore[no-untyped-def]
        page = opened(visit, "uses")
        before = [page.evaluate(self.FIRST.format(k)) for k in (0, 1)]
        drag_line(page, [(0.3, 0.25), (0.7, 0.25), (0.45, 0.8)])
        page.wait_for_function(
            f"b => {self.FIRST.format(0)} !== b[0] && {self.FIRST.format(1)} !== b[1]", arg=before
        )
        page.wait_for_selector("#uses-result .ae-lamp")

    def test_a_scribble_turns_the_lamp_red(self, visit) -> None:  # type: ignore[no-untyped-def]
        page = opened(visit, "uses")
        page.wait_for_selector("#uses-result .ae-lamp.good")
        rows = [
            (x, y) for y in (0.15, 0.4, 0.65, 0.9) for x in ((0.1, 0.9) if y != 0.4 else (0.9, 0.1))
        ]
        drag_line(page, rows)
        page.wait_for_selector("#uses-result .ae-lamp.bad")

    def test_an_upload_that_is_no_picture_is_words(self, visit) -> None:  # type: ignore[no-untyped-def]
        page = opened(visit, "uses")
        page.set_input_files(
            ".dc-upload", {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"hello"}
        )
        page.wait_for_selector(".dc-words.bad")
        assert " — " in page.locator(".dc-words").inner_text()

    def test_noise_changes_the_psnr(self, visit) -> None:  # type: ignore[no-untyped-def]
        page = opened(visit, "uses", "uses.task=clean")
        page.wait_for_selector("#psnr")
        before = page.locator("#psnr").inner_text()
        slider = page.locator("#clean-knobs input[type=range]")
        slider.focus()
        slider.press("End")
        page.wait_for_function(
            "before => document.querySelector('#psnr')?.innerText !== before", arg=before
        )

    def test_the_threshold_moves(self, visit) -> None:  # type: ignore[no-untyped-def]
        page = opened(visit, "uses", "uses.task=odd")
        page.wait_for_selector("#uses-result :text('real digits raise a false alarm')")
        slider = page.locator("#odd-knobs input[type=range]")
        slider.focus()
        slider.press("Home")
        page.wait_for_selector("#uses-result :text('50.0 %')")

    def test_the_defects_unfold(self, visit) -> None:  # type: ignore[no-untyped-def]
        page = opened(visit, "uses")
        page.get_by_text("Three defects of an autoencoder's latent space").click()
        page.wait_for_selector("#defects :text('Gaps and cliffs')")

    def test_a_press_on_the_map_draws_what_lies_there(self, visit) -> None:  # type: ignore[no-untyped-def]
        page = opened(visit, "uses")
        page.get_by_text("Foster's convolutional autoencoder").click()
        page.wait_for_selector("#conv [data-press] svg")
        source = "document.querySelector('#conv .ae-press img').src"
        before = page.evaluate(source)
        box = box_of(page, "#conv [data-press] svg")
        page.mouse.click(box["x"] + 0.7 * box["width"], box["y"] + 0.3 * box["height"])
        page.wait_for_function(f"before => {source} !== before", arg=before)


@pytest.mark.parametrize("visit", ["phone"], indirect=True)
@pytest.mark.parametrize("tab", list(TABS))
def test_a_phone_never_scrolls_sideways(visit, tab: str) -> None:  # type: ignore[no-untyped-def]
    page = opened(visit, tab)
    wide = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert wide <= 0


class TestHttp:
    @pytest.fixture(scope="class")
    def client(self, app):  # type: ignore[no-untyped-def]
        from gradio_client import Client

        return Client(app.url, verbose=False)

    def test_sampling(self, client) -> None:  # type: ignore[no-untyped-def]
        reply = client.predict(count=4, seed=5, api_name="/sample_digits")
        assert np.shape(reply["images"]) == (4, 28, 28)
        assert reply["seed"] == 5

    def test_a_file_and_numbers(self, client, tmp_path) -> None:  # type: ignore[no-untyped-def]
        from gradio_client import handle_file

        image = Image.new("L", (200, 200), 255)
        image.paste(0, (90, 30, 110, 170))
        image.save(tmp_path / "one.png")
        reply = client.predict(image=handle_file(tmp_path / "one.png"), api_name="/encode_digit")
        assert len(reply["code"]) == 32
        grey = reply["input"]
        cleaned = client.predict(grey=grey, noise="lines", level=0.2, api_name="/denoise_digit")
        assert np.shape(cleaned["outputs"]["network"]) == (28, 28)

    def test_bad_input_is_words(self, client, tmp_path) -> None:  # type: ignore[no-untyped-def]
        from gradio_client import handle_file

        (tmp_path / "no.png").write_bytes(b"this is no picture")
        buffer = io.BytesIO()
        Image.new("1", (12_000, 12_000), 1).save(buffer, "PNG")
        (tmp_path / "huge.png").write_bytes(buffer.getvalue())
        for name, words in (("no.png", "is not an image"), ("huge.png", "pixels")):
            with pytest.raises(Exception, match=words) as caught:
                client.predict(image=handle_file(tmp_path / name), api_name="/encode_digit")
            assert " — " in str(caught.value)
        with pytest.raises(Exception, match=" — "):
            client.predict(grey=json.loads("[[1, 2], [3]]"), api_name="/encode_digit")
