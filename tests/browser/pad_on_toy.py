"""A latent pad in a browser, on a toy decoder: a bright spot where the code points."""

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
