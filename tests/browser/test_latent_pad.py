"""The latent pad as a person uses it, on a toy decoder: a bright spot where the code points."""

import json
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from genapp import registry, service
from genapp.errors import UserError
from genapp.ui import live

BOX = {"narrow": np.array([[-3, -3], [3, 3]]), "wide": np.array([[-10, -30], [20, 30]])}
GRID = np.arange(28)
state = SimpleNamespace(broken=False, forgiving=False)
READY = "document.querySelector('.lp')?.parentElement.dataset.state === 'ready'"
SETTLED = "pad.dataset.lastSent && pad.dataset.lastSent === pad.dataset.lastPainted"


def decode(loaded: Any, z: np.ndarray) -> np.ndarray:
    """A spot at the code's place in the box, y upwards."""
    if state.broken:
        raise UserError("The decoder is out of order", "wait for the repair.")
    low, high = BOX[loaded.name]
    x, y = (27 * (z - low) / (high - low)).T[:, :, None, None]
    distance = (GRID[None, None, :] - x) ** 2 + (27 - GRID[None, :, None] - y) ** 2
    return (255 * np.exp(-distance / 18)).astype(np.uint8)


def encode(loaded: Any, x: np.ndarray) -> np.ndarray:
    """A code that tells left from right and top from bottom; the picture comes back unchanged."""
    low, high = BOX[loaded.name]
    share = x.reshape(-1, 28, 28)
    mass = share.sum((1, 2))
    across = (share.sum(1) * GRID).sum(1) / mass / 27
    up = 1 - (share.sum(2) * GRID).sum(1) / mass / 27
    mu = low + np.stack([across, up], 1) * (high - low)
    rest = [np.full_like(mu, 0.5), x, np.full((len(x), 1), 12.5)]
    return np.concatenate([mu, *rest], 1).astype(np.float32)


def atlas(name: str) -> Any:
    low, high = BOX[name]
    rng = np.random.default_rng(0)
    codes = low + (high - low) * rng.uniform(0.05, 0.95, (400, 2))
    return SimpleNamespace(codes=codes, labels=np.arange(400) % 10, box=BOX[name])


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Twins on the first page, a single pad on the second."""
    import gradio as gr

    from genapp.ui.widgets.latent_pad.widget import latent_pad

    ops = {"decode": f"{__name__}:decode", "encode": f"{__name__}:encode"}
    spec = SimpleNamespace(name="toy", title="Toy", live=ops)
    loaded = {n: SimpleNamespace(name=n, lock=threading.Lock()) for n in BOX}
    twins = [("narrow", "Narrow", "±3"), ("wide", "Wide", "of another size")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "all_families", lambda: {"toy": spec})
        patch.setattr(service, "models", SimpleNamespace(get=lambda _, name: loaded[name]))
        with gr.Blocks(analytics_enabled=False) as demo:
            latent_pad(family="toy", checkpoints=twins, atlas=atlas, ground="both")
        with demo.route("One", "one"):
            latent_pad(family="toy", checkpoints=twins[:1], atlas=atlas, ground="points")
        app, local, _ = demo.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False)
        live.mount(app)
        yield local
        demo.close()


@pytest.fixture
def opened(url: str, browser: Any) -> Iterator[Any]:
    """``opened(path, **context)`` → a page with a ready pad on ``window.pad``."""
    contexts, complaints = [], []

    def _open(path: str = "one", tour: bool = False, **about: Any) -> Any:
        motion = "no-preference" if tour else "reduce"
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 1000}} | about)
        contexts.append(context)
        context.set_default_timeout(60_000)
        page = context.new_page()
        page.emulate_media(reduced_motion=motion)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.goto(url + path, wait_until="domcontentloaded")
        page.wait_for_function(READY)
        page.evaluate(
            """() => {
              window.pad = document.querySelector('.lp').parentElement;
              window.seqs = [];
              pad.addEventListener('latent-pad:paint',
                ({detail}) => seqs.push([detail.pad, detail.seq]));
            }"""
        )
        return page

    yield _open
    for context in contexts:
        context.close()
    if state.forgiving:  # the browser's own word on a refusal that the test asked for
        complaints = [c for c in complaints if not c.startswith("Failed to load resource")]
    state.broken = state.forgiving = False
    assert not complaints


def grey(page: Any, selector: str, k: int = 0) -> np.ndarray:
    """The k-th such canvas of 28 × 28 as grey values: its ink's opacity."""
    script = """([selector, k]) => {
      const context = document.querySelectorAll(selector)[k].getContext('2d');
      return Array.from(context.getImageData(0, 0, 28, 28).data.filter((_, i) => i % 4 === 3)) }"""
    return np.array(page.evaluate(script, [selector, k])).reshape(28, 28)


def picture(page: Any, k: int = 0) -> np.ndarray:
    """The decoded picture of pad k."""
    return grey(page, ".lp-picture", k)


def codes(page: Any) -> list[list[float]]:
    """What each pad's text field says."""
    texts = page.evaluate("[...document.querySelectorAll('.lp-z')].map((f) => f.value)")
    return [[float(v) for v in text.replace("−", "-").split(",")] for text in texts]


def drag(page: Any, selector: str, points: list[tuple[float, float]]) -> None:
    """A press, a way through ``points`` (shares of the element) and a release."""
    target = page.locator(selector).first
    target.scroll_into_view_if_needed()
    box = target.bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=8)
    page.mouse.up()


def test_a_drag_is_painted_to_the_last(opened: Any) -> None:
    page = opened("")
    before = picture(page)
    drag(page, ".lp-map", [(0.5, 0.5), (0.2, 0.3), (0.8, 0.7), (0.75, 0.25)])
    page.wait_for_function(SETTLED)
    page.wait_for_function("pad.latentPad.pads.every((p) => p.stream.idle())")
    narrow, wide = codes(page)
    assert narrow[0] > 1  # upper right
    assert narrow[1] > 1
    for k, (name, z) in enumerate(zip(BOX, (narrow, wide), strict=True)):
        share = (np.array(z) - BOX[name][0]) / (BOX[name][1] - BOX[name][0])
        assert share == pytest.approx([0.79, 0.79], abs=0.02)  # one cursor, two boxes
        shown = picture(page, k)
        expected = decode(SimpleNamespace(name=name), np.array([z]))[0]
        assert np.abs(shown - expected.astype(int)).max() <= 4
        seqs = [seq for pad, seq in page.evaluate("seqs") if pad == k]
        assert seqs == sorted(seqs)
        assert len(seqs) > 5
    assert np.abs(picture(page) - before).max() > 100


def test_late_replies_are_dropped_and_the_last_one_lands(opened: Any) -> None:
    page = opened("one")
    page.wait_for_function(SETTLED)
    page.evaluate(
        """() => {
          window.asked = [];
          const real = window.fetch;
          window.fetch = (...args) => new Promise((done) =>
            asked.push(() => { real(...args).then(done); }));
          window.first = Number(pad.dataset.lastSent) + 1;
          for (const x of [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]) pad.latentPad.set([x, 0.5]);
        }"""
    )
    first = page.evaluate("first")
    assert page.evaluate("asked.length") == 4  # the fifth waited, the sixth took its place

    def release(k: int, condition: str) -> None:
        page.evaluate(f"asked[{k}]()")
        page.wait_for_function(condition)

    painted = "Number(pad.dataset.lastPainted) - first"
    stats = "pad.latentPad.pads[0].stream.stats"
    release(2, f"{painted} === 2")
    release(0, f"{stats}.dropped === 1")
    release(1, f"{stats}.dropped === 2 && asked.length === 5")
    release(4, f"{painted} === 5")
    release(3, f"{stats}.dropped === 3")
    assert [seq - first for _, seq in page.evaluate("seqs") if seq >= first] == [2, 5]
    expected = decode(SimpleNamespace(name="narrow"), np.array([[0.6, 0]]))[0]
    assert np.abs(picture(page) - expected.astype(int)).max() <= 4


def test_keys_move_in_steps_and_say_where(opened: Any) -> None:
    page = opened("one")
    start = codes(page)[0]
    page.locator(".lp-map").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    assert codes(page)[0] == pytest.approx([start[0] + 0.05, start[1] - 0.5], abs=0.011)
    spoken = page.locator(".lp-map").get_attribute("aria-valuetext")
    assert spoken == "dimension 1, 0.05; dimension 2, -0.50"
    slider = page.get_by_role("slider", name="dimension 2")
    slider.focus()
    page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("ArrowUp")
    assert slider.get_attribute("aria-valuetext") == "dimension 2, 0.05"
    page.wait_for_function(SETTLED)
    for _ in range(4):
        page.get_by_role("button", name="Undo").click()
    assert codes(page)[0] == pytest.approx(start, abs=0.011)
    page.get_by_role("button", name="Redo").click()
    assert codes(page)[0] == pytest.approx([0.05, 0], abs=0.011)


def test_everything_can_be_reached_by_tab(opened: Any) -> None:
    page = opened("one")
    page.locator(".lp-group button").first.focus()
    seen = []
    for _ in range(40):
        seen.append(page.evaluate("document.activeElement.className"))
        page.keyboard.press("Tab")
    reached = " ".join(seen)
    for part in ("tour", "map", "z", "dice", "zero", "set-a", "upload", "clear", "link"):
        assert f"lp-{part}" in reached


def test_typed_codes_and_sliders_are_one_state(opened: Any) -> None:
    page = opened("")
    field = page.locator(".lp-z").first
    field.fill("1.5, −0.75")
    field.press("Enter")
    page.wait_for_function(SETTLED)
    sliders = page.evaluate(
        "[...document.querySelectorAll('.lp-slider input')].map((s) => Number(s.value))"
    )
    assert sliders == pytest.approx([0.75, 0.375], abs=1e-6)
    assert codes(page)[1] == pytest.approx([12.5, -7.5], abs=0.011)
    page.wait_for_function("location.search.includes('z=1.5,-0.75')")
    field.fill("1, 2, 3")
    field.press("Enter")
    assert "Give 2 numbers" in field.evaluate("(f) => f.validationMessage")
    page.get_by_role("button", name="Zero").click()
    assert codes(page)[1] == pytest.approx([0, 0], abs=0.011)


def test_a_link_opens_where_it_was_made(opened: Any) -> None:
    page = opened("one?z=1.25,-2&bg=mosaic", tour=True)
    assert codes(page)[0] == [1.25, -2]
    page.wait_for_function(SETTLED)
    assert not page.evaluate("pad.latentPad.tour.on")
    page.wait_for_function("document.querySelector('.lp-pad').dataset.mosaic === '20'")
    assert page.locator("[data-ground=mosaic]").get_attribute("aria-pressed") == "true"
    page.get_by_role("button", name="Codes by class").click()
    page.get_by_role("button", name="Python").click()
    assert 'service.live("toy", "narrow", "decode", np.float32([[1.25, -2]]))' in (
        page.locator(".lp-python").inner_text()
    )


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
