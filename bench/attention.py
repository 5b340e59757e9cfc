"""From a text to a drawn attention matrix: GPT-2's shape (12 layers × 12 heads), random weights.

Ours: the Viewer in Chromium, from the click on Draw to the painted canvas, at the last layer (the
worst case: all blocks below must run), and every byte the page received meanwhile. Peer: bertviz'
``model_view`` from the same text through transformers to its finished HTML; its own drawing in a
browser is not even counted. Needs ``pip install --no-deps bertviz`` and ``pip install ipython``.
"""

import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

LENGTHS = (32, 128, 512)
ROUNDS = 3  # the best counts: the machine is shared
LAYERS, HEADS, WIDTH, VOCAB = 12, 12, 768, 50257
NAME = "bench-gpt2"
LETTERS = [chr(0x20000 + i) for i in range(VOCAB)]  # one character a token
HOST = "[...document.querySelectorAll('*')].find(e => e.attentionView)?.attentionView"
DRAW = f"""(text) => new Promise((done, fail) => {{
  const host = {HOST}, old = host.run, area = document.querySelector('#viewer-text textarea');
  const began = performance.now();
  const painted = () => {{
    if (host.run === old || host.full?.run !== host.run) return;
    host.element.removeEventListener('attention-view:paint', painted);
    done((performance.now() - began) / 1000);
  }};
  host.element.addEventListener('attention-view:paint', painted);
  setTimeout(() => fail(new Error('nothing was drawn')), 60000);
  [...document.querySelectorAll('button')].find((b) => b.textContent.trim() === 'Draw').click();
}})"""


def main() -> dict[str, float]:
    """Keys: bytes, seconds and both ratios at each length."""
    import torch

    torch.set_num_threads(os.cpu_count() or 1)
    with tempfile.TemporaryDirectory(prefix="genapp-bench-") as folder:
        os.environ["GENAPP_HOME"] = folder
        save_random(Path(folder))
        ours = measure_ours()
    peers = measure_bertviz()
    row: dict[str, float] = {}
    for T in LENGTHS:
        seconds, size = ours[T]
        row |= {f"seconds_{T}": seconds, f"bytes_{T}": size}
        line = f"{T:4d} tokens: ours {seconds:6.2f} s {size / 1e6:8.3f} MB"
        if T in peers:
            row |= {
                f"bertviz_seconds_{T}": peers[T][0], f"bertviz_bytes_{T}": peers[T][1],
                f"time_ratio_{T}": seconds / peers[T][0], f"bytes_ratio_{T}": size / peers[T][1],
            }  # fmt: skip
            line += f" · bertviz {peers[T][0]:6.2f} s {peers[T][1] / 1e6:8.2f} MB"
        print(line)
    return row


def save_random(home: Path) -> None:
    """A checkpoint of GPT-2's shape under ``home``."""
    import torch

    from genapp import checkpoints
    from genapp.families.gpt.model import build
    from genapp.families.gpt.spec import PRESETS
    from genapp.families.gpt.tokenizer import Characters

    torch.manual_seed(0)
    config = dict(PRESETS["gpt2"].config)
    model = build(config)
    meta = checkpoints.Meta(
        family="gpt", preset="gpt2", config=config, step=0, steps=0, seed=0, data=(), metrics={},
        hardware="", seconds=0, parameters=sum(p.numel() for p in model.parameters()),
    )  # fmt: skip
    files = {"tokenizer.json": Characters(LETTERS).dump()}
    checkpoints.save(
        home / "checkpoints" / "gpt" / NAME, model.state_dict(), meta, files, half=True
    )


def measure_ours() -> dict[int, tuple[float, float]]:
    """Length → (seconds from the click to the paint, bytes received)."""
    from playwright.sync_api import sync_playwright

    from genapp.ui import shell

    demo = shell.build()
    url = shell.launch(demo, quiet=True).rstrip("/")
    found: dict[int, tuple[float, float]] = {}
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
            args=["--no-sandbox", "--disable-gpu"],
        )
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        see = f"viewer.see=l{LAYERS}_h1&viewer.model=gpt/{NAME}&viewer.text={LETTERS[1]}"
        page.goto(f"{url}/attention?{see}")
        page.wait_for_function(f"{HOST}?.frame && {HOST}.map.layers === {LAYERS}", timeout=120_000)
        for T in LENGTHS:
            runs = [draw_once(page, LETTERS[k : k + T]) for k in range(ROUNDS)]
            found[T] = min(r[0] for r in runs), statistics.median(r[1] for r in runs)
        chromium.close()
    demo.close()
    return found


def draw_once(page: Any, letters: list[str]) -> tuple[float, float]:
    """One click on Draw; bytes are counted by the browser, headers and event stream included."""
    page.fill("#viewer-text textarea", "".join(letters))
    received = [0.0]
    devtools = page.context.new_cdp_session(page)
    devtools.send("Network.enable")
    devtools.on(
        "Network.dataReceived",
        lambda e: received.__setitem__(0, received[0] + e["dataLength"]),
    )
    seconds = page.evaluate(DRAW, "")
    page.wait_for_function(f"{HOST}.map.queries.tokens.length === {len(letters)}")
    devtools.detach()
    return seconds, received[0]


def measure_bertviz() -> dict[int, tuple[float, float]]:
    """Length → (seconds from the text to the HTML, its bytes)."""
    import torch
    from bertviz import model_view
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(attn_implementation="eager")
    model = GPT2LMHeadModel(config).eval()
    found: dict[int, tuple[float, float]] = {}
    for T in LENGTHS[:-1]:  # at 512 tokens its HTML is 860 MB, and making it takes GB of memory
        ids = torch.arange(1, T + 1)[None]
        tokens = LETTERS[1 : T + 1]
        seconds, size = [], 0
        for _ in range(ROUNDS):
            began = time.perf_counter()
            with torch.inference_mode():
                weights = model(ids, output_attentions=True).attentions
            html = model_view(weights, tokens, html_action="return").data
            seconds.append(time.perf_counter() - began)
            size = len(html.encode())
        found[T] = min(seconds), float(size)
    return found
