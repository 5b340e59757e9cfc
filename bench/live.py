"""Dragging through a decoder: our latent pad against a stock slider and image, same decoder.

Two servers in processes of their own, one Chromium. Each is dragged by a 60 Hz mouse for three
seconds; what counts is pictures that reach the screen, and how long after the hand moved.
``python bench/live.py pad|stock`` serves one of the two pages by hand.
"""

import asyncio
import math
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).parent.parent
FAMILY, CHECKPOINT = "autoencoders", "vae-dense-b0.784"
SECONDS, HERTZ = 3.0, 60
LIMITS = (-2.5, 2.5)
ROUNDS = 3
KEYS = 12  # single steps, for the latency of one update at rest


# ---------------------------------------------------------------------------- the two pages


def serve(kind: str) -> None:
    """One page, its address on the first line."""
    sys.path.insert(0, str(ROOT))
    import gradio as gr

    from genapp.ui import live

    decode, atlas = _decoder()
    with gr.Blocks(analytics_enabled=False) as demo:
        if kind == "pad":
            from genapp.ui.widgets.latent_pad.widget import latent_pad

            name = [(CHECKPOINT, "Decoder", "")]
            latent_pad(family=FAMILY, checkpoints=name, atlas=lambda _: atlas(), ground="points")
        else:
            sliders = [gr.Slider(*LIMITS, value=0, label=f"z{k}") for k in (1, 2)]
            image = gr.Image(label="image", height=280)
            for slider in sliders:
                slider.change(decode, sliders, image)
    app, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False)
    live.mount(app)
    print(url, flush=True)
    demo.block_thread()


def _decoder() -> tuple[Any, Any]:
    """``(two numbers → picture, () → atlas)``: the shipped VAE, else random weights its size."""
    import numpy as np

    from genapp import checkpoints, registry, service

    if CHECKPOINT in checkpoints.find(FAMILY) and FAMILY in registry.all_families():
        from genapp.families.autoencoders.live import atlas_of

        def atlas() -> Any:
            return atlas_of(service.models.get(FAMILY, CHECKPOINT))

        atlas()  # both pages are measured with their model loaded
    else:
        _register_random()

        def atlas() -> Any:
            codes, labels = np.zeros((0, 2)), np.zeros(0, np.uint8)
            return SimpleNamespace(
                codes=codes, labels=labels, box=np.array(LIMITS)[:, None] * [1, 1]
            )

    def decode(x: float, y: float) -> Any:
        return service.live(FAMILY, CHECKPOINT, "decode", np.float32([[x, y]]))[0]

    return decode, atlas


def _register_random() -> None:
    import threading

    from genapp import registry, service

    sys.modules.setdefault("bench_live", sys.modules[__name__])
    spec = SimpleNamespace(
        name=FAMILY, title="Random", live={"decode": "bench_live:_random_decode"}
    )
    registry.all_families = lambda: {FAMILY: spec}  # type: ignore[assignment]
    loaded = SimpleNamespace(lock=threading.RLock())
    service.models = SimpleNamespace(get=lambda *_: loaded)  # type: ignore[assignment]


def _random_decode(_: Any, z: Any) -> Any:
    """2-392-784, 0.31 M multiply-adds a picture."""
    import numpy as np

    rng = np.random.default_rng(0)
    if not (weights := _random_decode.__dict__):
        weights["w1"] = rng.normal(0, 1, (2, 392)).astype(np.float32)
        weights["w2"] = rng.normal(0, 0.1, (392, 784)).astype(np.float32)
    x = 1 / (1 + np.exp(-np.maximum(z @ weights["w1"], 0) @ weights["w2"]))
    return (255 * x).astype(np.uint8).reshape(-1, 28, 28)


# ---------------------------------------------------------------------------- driving them

PAD_HOOK = """() => {
  const pad = document.querySelector('.lp').parentElement;
  window.seen = [];
  window.element = pad;
  pad.addEventListener('latent-pad:paint', (event) => window.seen.push(event.detail));
}"""
STOCK_HOOK = """() => {
  window.seen = [];
  const loaded = (event) => {
    if (event.target.tagName === 'IMG' && event.target.naturalWidth)
      window.seen.push({latency: performance.now() - (window.movedAt || performance.now())});
  };
  document.addEventListener('load', loaded, true);
  document.addEventListener('keydown', (event) => { window.movedAt = event.timeStamp; }, true);
}"""


async def drag(page: Any, x: Any, y: Any) -> tuple[int, float]:
    """Moves the pressed mouse at 60 Hz along ``x(t), y(t)``; returns moves made and seconds.

    Moves are not waited for one by one: a real hand doesn't wait for the browser either.
    """
    await page.mouse.move(x(0), y(0))
    await page.mouse.down()
    began = time.perf_counter()
    moves: list[asyncio.Task[None]] = []
    while (now := time.perf_counter() - began) < SECONDS:
        moves.append(asyncio.create_task(page.mouse.move(x(now), y(now))))
        await asyncio.sleep(max(0.0, len(moves) / HERTZ - (time.perf_counter() - began)))
    await asyncio.gather(*moves)
    took = time.perf_counter() - began
    await page.mouse.up()
    return len(moves), took


async def measure_pad(page: Any) -> dict[str, float]:
    """Paints per second while dragging, input → paint, the server's share, one step at rest."""
    await page.wait_for_function(
        "document.querySelector('.lp')?.parentElement.dataset.state === 'ready'", timeout=60_000
    )
    await page.evaluate(PAD_HOOK)
    box = await page.locator(".lp-map").first.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    radius = 0.35 * box["width"]
    moves, took = await drag(
        page,
        lambda t: middle[0] + radius * math.cos(3 * t),
        lambda t: middle[1] + radius * math.sin(2 * t),
    )
    await page.wait_for_function("element.dataset.lastSent === element.dataset.lastPainted")
    seen = await page.evaluate("window.seen")
    latencies = sorted(s["latency"] for s in seen if s["latency"] is not None)
    await page.locator(".lp-map").first.focus()
    steps = [await _step(page) for _ in range(KEYS)]
    return {
        "moves_per_s": moves / took,
        "updates_per_s": len(seen) / took,
        "p50_ms": statistics.median(latencies),
        "p95_ms": latencies[int(0.95 * len(latencies))],
        "round_trip_ms": statistics.median(s["rtt"] for s in seen),
        "server_ms": statistics.median(s["ms"] for s in seen),
        "step_ms": statistics.median(steps),
    }


async def measure_stock(page: Any) -> dict[str, float]:
    """The same for the stock page: an update is an image that finished loading."""
    handle = page.locator("input[type=range]").first
    await handle.wait_for(state="visible", timeout=60_000)
    await page.evaluate(STOCK_HOOK)
    await handle.focus()
    steps = [await _step(page) for _ in range(KEYS)]
    box = await handle.bounding_box()
    await page.evaluate("window.seen = []")
    left, width, y = box["x"], box["width"], box["y"] + box["height"] / 2
    moves, took = await drag(
        page, lambda t: left + width * (0.5 - 0.45 * math.cos(2 * t)), lambda t: y
    )
    updates = await page.evaluate("window.seen.length")
    return {
        "moves_per_s": moves / took,
        "updates_per_s": updates / took,
        "step_ms": statistics.median(steps),
    }


async def _step(page: Any) -> float:
    """Input → paint of one key press, with nothing else going on."""
    await page.evaluate("window.seen = []")
    await page.keyboard.press("ArrowRight")
    await page.wait_for_function("window.seen.length > 0", timeout=10_000)
    return float(await page.evaluate("window.seen[0].latency"))


def main() -> dict[str, float]:
    """Both pages in turn, three times; the medians."""
    servers = {kind: start(kind) for kind in ("pad", "stock")}
    try:
        pad, stock = asyncio.run(_rounds({kind: url for kind, (_, url) in servers.items()}))
    finally:
        for process, _ in servers.values():
            process.terminate()
            process.wait()
    return report(pad, stock)


async def _rounds(urls: dict[str, str]) -> tuple[dict[str, float], dict[str, float]]:
    from playwright.async_api import async_playwright

    measures = {"pad": measure_pad, "stock": measure_stock}
    rows: dict[str, list[dict[str, float]]] = {"pad": [], "stock": []}
    async with async_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = await playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        for _ in range(ROUNDS):
            for kind, measure in measures.items():
                page = await browser.new_page(viewport={"width": 1280, "height": 1000})
                await page.goto(urls[kind], wait_until="domcontentloaded")
                rows[kind].append(await measure(page))
                await page.close()
        await browser.close()
    pad, stock = (
        {key: statistics.median(row[key] for row in rows[kind]) for key in rows[kind][0]}
        for kind in ("pad", "stock")
    )
    return pad, stock


def start(kind: str) -> tuple[subprocess.Popen[str], str]:
    """A server in its own process, and its address."""
    env = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False"}
    process = subprocess.Popen(
        [sys.executable, __file__, kind], stdout=subprocess.PIPE, text=True, env=env, cwd=ROOT
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("http"):
            return process, line.strip()
    raise RuntimeError(f"the {kind} page did not start")


def report(pad: dict[str, float], stock: dict[str, float]) -> dict[str, float]:
    """Prints the table and gives the flat figures."""
    names = {
        "moves_per_s": "mouse moves made, per second",
        "updates_per_s": "pictures painted, per second",
        "p50_ms": "input → paint while dragging, median ms",
        "p95_ms": "input → paint while dragging, 95 % ms",
        "step_ms": "input → paint of one key press, median ms",
        "round_trip_ms": "round trip, median ms",
        "server_ms": "of it in the server, median ms",
    }
    print(f"{'':44}{'latent pad':>12}{'stock':>12}")
    for key, name in names.items():
        cells = (f"{row[key]:12.1f}" if key in row else f"{'':12}" for row in (pad, stock))
        print(f"{name:44}{''.join(cells)}")
    return {
        "updates_per_s": pad["updates_per_s"],
        "p50_ms": pad["p50_ms"],
        "p95_ms": pad["p95_ms"],
        "server_ms": pad["server_ms"],
        "stock_updates_per_s": stock["updates_per_s"],
        "ratio": pad["updates_per_s"] / stock["updates_per_s"],
        "step_ms": pad["step_ms"],
        "stock_step_ms": stock["step_ms"],
        "step_ratio": stock["step_ms"] / pad["step_ms"],
    }


if __name__ == "__main__":
    serve(sys.argv[1]) if len(sys.argv) > 1 else print(main())
