"""The Studio as a person uses it, and its sampler's arithmetic against the model's own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import ROOT, App, Visit
from test_text_tab import make_checkpoint

from genapp.families.gpt import sampling
from genapp.ui.widgets.sampler.widget import NAMES

FILTERS = (ROOT / "genapp/ui/widgets/sampler/filters.js").read_text("utf-8")
DONE = ".strip[data-status=done]"
DRAWN = "Number(document.querySelector('.sampler').dataset.drawn || 0)"
COUNT = "document.querySelectorAll('#studio-strip .t').length"
BARS = "[...document.querySelectorAll('.sampler i.after')].map(i => i.style.transform).join()"


@pytest.fixture(scope="module")
def url(request, tmp_path_factory) -> Iterator[str]:  # type: ignore[no-untyped-def]
    """The app with the shipped models, or with a tiny one where none is shipped yet."""
    if any((ROOT / "checkpoints/gpt").glob("*/meta.json")):
        yield request.getfixturevalue("app").url
        return
    folder = tmp_path_factory.mktemp("text")
    make_checkpoint(folder / "home", "gpt-mini")
    running = App(folder)
    yield running.url
    running.close()


@pytest.fixture(params=["desktop"])
def studio(url: str, browser, request) -> Iterator[Any]:  # type: ignore[no-untyped-def]
    """The page with its first text written and drawn."""
    size = {"desktop": (1280, 900), "phone": (390, 844)}[request.param]
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, has_touch=request.param == "phone"
    )
    context.set_default_timeout(60_000)
    visit = Visit(context.new_page(), url)
    page = visit.open("/text?tab=studio")
    ready(page)
    yield page
    context.close()
    assert not visit.complaints, visit.complaints


def ready(page: Any) -> None:
    page.wait_for_selector(f"#studio-strip {DONE}", timeout=120_000)
    page.wait_for_function(f"{DRAWN} > 0 && document.querySelector('.sampler .stats b')")


def slider(page: Any, name: str) -> Any:
    return page.locator(f".sampler .{name} input")


class TestArithmetic:
    """No server: the filters alone, in the browser."""

    @pytest.fixture(scope="class")
    def js(self, browser) -> Iterator[Any]:  # type: ignore[no-untyped-def]
        page = browser.new_page()
        page.add_script_tag(content=FILTERS)
        yield lambda z, seen, s: page.evaluate(
            """([z, seen, s]) => {
              const d = new genapp.sampling.Distribution(Float32Array.from(z), seen);
              return { p: Array.from(d.probabilities(s)), entropy: d.apply(s).entropy };
            }""",
            [np.asarray(z, np.float32).tolist(), list(seen), s],
        )
        page.close()

    @pytest.mark.parametrize(
        ("settings", "expected", "entropy"),
        [
            ({"temperature": 0.1}, [0.994, 0.006, 0, 0, 0], 0.037),
            ({"temperature": 0.8}, [0.563, 0.298, 0.075, 0.040, 0.024], 1.096),
            ({"temperature": 1.3}, [0.434, 0.293, 0.126, 0.085, 0.062], 1.365),
            ({"temperature": 2}, [0.351, 0.272, 0.157, 0.122, 0.099], 1.497),
            ({"temperature": 10}, [0.228, 0.217, 0.194, 0.184, 0.177], 1.605),
            ({"temperature": 0}, [1, 0, 0, 0, 0], 0),
            ({"top_k": 2}, [0.625, 0.375, 0, 0, 0], None),
            ({"top_p": 0.45}, [1, 0, 0, 0, 0], None),
            ({"top_p": 0.75}, [0.625, 0.375, 0, 0, 0], None),
            ({"top_p": 0.85}, [0.556, 0.333, 0.111, 0, 0], None),
            ({"min_p": 0.1}, [0.521, 0.3125, 0.104, 0.0625, 0], None),
            ({"temperature": 1.3, "top_p": 0.8}, [0.509, 0.344, 0.148, 0, 0], None),
        ],
    )
    def test_table(self, js: Any, settings: Any, expected: Any, entropy: Any) -> None:
        got = js(np.log([0.5, 0.3, 0.1, 0.06, 0.04]), [], settings)
        assert got["p"] == pytest.approx(expected, abs=6e-4)
        if entropy is not None:
            assert got["entropy"] == pytest.approx(entropy, abs=6e-4)

    @pytest.mark.parametrize("seed", range(12))
    def test_equals_the_models_own(self, js: Any, seed: int) -> None:
        rng = np.random.default_rng(seed)
        z = rng.normal(0, 3, 997).astype(np.float32)
        seen = rng.integers(0, 40, 200).tolist()
        settings = {
            "temperature": float(rng.choice([0, 0.3, 1, 2.5])),
            "top_k": int(rng.choice([0, 1, 17, 400, 5000])),
            "top_p": float(rng.choice([0.3, 0.9, 1])),
            "min_p": float(rng.choice([0, 0.02, 0.2])),
            "typical_p": float(rng.choice([0.2, 0.95, 1])),
            "repetition_penalty": float(rng.choice([0.8, 1, 1.3])),
            "presence_penalty": float(rng.choice([-0.5, 0, 1])),
            "frequency_penalty": float(rng.choice([-0.1, 0, 0.4])),
            "no_repeat_ngram": int(rng.choice([0, 1, 2, 3])),
        }
        names = {n: n.removesuffix("_penalty") for n in NAMES}
        sampler = sampling.Sampler(**{names[n]: v for n, v in settings.items()})  # type: ignore[arg-type]
        expected = sampling.shape(torch.from_numpy(z.copy()), seen, sampler).numpy()
        got = js(z, seen, settings)["p"]
        np.testing.assert_allclose(got, expected, atol=2e-5, err_msg=str(settings))

    def test_gpt2s_vocabulary_is_redrawn_within_a_frame_or_two(self, js: Any, browser) -> None:  # type: ignore[no-untyped-def]
        page = browser.new_page()
        page.add_script_tag(content=FILTERS)
        ms = page.evaluate(
            """() => {
              const z = Float32Array.from({ length: 50257 }, (_, i) => 9 * Math.sin(i * i));
              const d = new genapp.sampling.Distribution(z, Array.from({ length: 300 }, (_, i) => i));
              const times = [];
              for (let i = 0; i < 40; i++) {
                const start = performance.now();
                d.apply({ temperature: 0.5 + i / 20, top_k: 900, top_p: 0.9, min_p: 0.01, typical_p: 0.9 });
                times.push(performance.now() - start);
              }
              return Math.min(...times); // the machine may be busy with other things
            }"""  # noqa: E501
        )
        page.close()
        assert ms < 30


class TestStudio:
    def test_opens_with_a_text_and_its_distribution(self, studio: Any) -> None:
        assert studio.evaluate(COUNT) > 20
        assert studio.locator(".sampler .rows li:visible").count() == 20
        assert "it took" in studio.locator(".sampler .where").inner_text()
        assert studio.locator("#studio-strip .picked").count() == 1
        assert "studio.seed" not in studio.url  # nothing was changed by opening

    def test_temperature_reshapes_the_bars_and_asks_nothing(self, studio: Any) -> None:
        asked: list[str] = []
        studio.on("request", lambda r: asked.append(r.url) if "queue/join" in r.url else None)
        before, entropy = studio.evaluate(BARS), studio.locator(".sampler .stats b").first
        cold = entropy.inner_text()
        box = slider(studio, "temperature").bounding_box()
        x, y = box["x"] + box["width"] * 0.26, box["y"] + box["height"] / 2
        studio.mouse.move(x, y)
        studio.mouse.down()
        for step in range(30):
            studio.mouse.move(x + step * box["width"] / 60, y)
        studio.wait_for_function(f"{BARS} !== {before!r}")
        studio.mouse.up()
        studio.wait_for_function("location.search.includes('studio.sampler=T')")
        assert float(entropy.inner_text().split()[0]) > float(cold.split()[0])
        assert asked == []

    def test_every_knob_moves_the_bars_and_has_a_name(self, studio: Any) -> None:
        studio.locator(".sampler summary").click()
        for name, key in {
            "temperature": "End", "top_k": "ArrowRight", "top_p": "Home", "min_p": "End",
            "typical_p": "Home", "repetition_penalty": "End", "presence_penalty": "End",
            "frequency_penalty": "Home", "no_repeat_ngram": "ArrowRight",
        }.items():  # fmt: skip
            drawn = studio.evaluate(DRAWN)
            knob = slider(studio, name)
            knob.press(key)
            studio.wait_for_function(f"{DRAWN} > {drawn}")
            assert knob.get_attribute("aria-valuetext")
            assert knob.evaluate("e => e.labels[0].innerText.trim().length") > 3
        studio.locator(".sampler .reset").click()
        studio.wait_for_function("!location.search.includes('studio.sampler')")

    def test_a_preset_is_in_the_link_and_comes_back(self, studio: Any) -> None:
        chip = studio.get_by_role("button", name="Lecture")
        chip.click()
        studio.wait_for_function("location.search.includes('k20')")
        assert chip.get_attribute("aria-pressed") == "true"
        studio.reload()
        ready(studio)
        assert chip.get_attribute("aria-pressed") == "true"
        assert slider(studio, "top_k").get_attribute("aria-valuetext") == "20"

    def test_write_streams_and_gives_the_seed_back(self, studio: Any) -> None:
        seed = "document.querySelector('#studio-seed input').value"
        before = studio.evaluate(seed)
        studio.evaluate(
            """() => {
              window.counts = [];
              new MutationObserver(() => counts.push(document.querySelectorAll('#studio-strip .t').length))
                .observe(document.querySelector('#studio-strip'), { childList: true, subtree: true });
            }"""  # noqa: E501
        )
        studio.get_by_role("button", name="Write", exact=True).click()
        studio.wait_for_function("window.counts.length > 3")
        studio.wait_for_selector(f"#studio-strip {DONE}")
        counts = studio.evaluate("window.counts.filter((n) => n > 0)")
        assert len(set(counts)) >= 3  # piece by piece
        studio.wait_for_function(f"{seed} !== {before!r} && Number({seed}) >= 0")
        assert f"seed {studio.evaluate(seed)}" in studio.locator("#studio-strip .note").inner_text()
        studio.wait_for_function(f"location.search.includes('studio.seed=' + {seed})")

    def test_stop_stops(self, studio: Any) -> None:
        number = studio.locator("#studio-tokens input[type=number]")
        number.fill("1000")
        number.press("Tab")
        slider(studio, "temperature").press("End")  # too hot for a story to end
        studio.get_by_role("button", name="Write", exact=True).click()
        studio.wait_for_function(
            f"document.querySelector('#studio-strip [data-status=writing]') && {COUNT} > 15"
        )
        studio.get_by_role("button", name="Stop", exact=True).click()
        studio.wait_for_selector(f"#studio-strip {DONE}")
        count = studio.evaluate(COUNT)
        assert "stopped" in studio.locator("#studio-strip .note").inner_text()
        assert count < 1000
        studio.wait_for_function(
            "document.querySelector('.sampler .where').innerText.includes('what may come next')"
        )
        assert studio.evaluate(COUNT) == count

    def test_finish_goes_on_from_there(self, studio: Any) -> None:
        number = studio.locator("#studio-tokens input[type=number]")
        number.fill("5")
        number.press("Tab")
        studio.get_by_role("button", name="Write", exact=True).click()
        studio.wait_for_function(f"{COUNT} === 5")
        studio.wait_for_selector(f"#studio-strip {DONE}")
        first = studio.locator("#studio-strip .text").inner_text()
        studio.get_by_role("button", name="Finish story").click()
        studio.wait_for_function(f"{COUNT} > 20")
        studio.wait_for_selector(f"#studio-strip {DONE}")
        assert studio.locator("#studio-strip .text").inner_text().startswith(first)

    def test_a_token_tells_about_itself(self, studio: Any) -> None:
        where = studio.locator(".sampler .where")
        before = where.inner_text()
        token = studio.locator("#studio-strip .t:not(:empty)").nth(3)
        token.hover()
        card = studio.locator("#studio-strip .card")
        card.wait_for(state="visible")
        for word in ("rank", "surprise", "entropy", "drawn at"):
            assert word in card.inner_text()
        assert card.locator("li").count() == 8
        token.click()
        studio.wait_for_function(
            "before => document.querySelector('.sampler .where').innerText !== before", arg=before
        )
        assert token.evaluate("e => e.classList.contains('picked')")

    def test_the_strip_by_keyboard(self, studio: Any) -> None:
        body = studio.locator("#studio-strip .body")
        body.focus()
        body.press("ArrowRight")
        body.press("ArrowRight")
        studio.wait_for_function(
            "document.querySelector('#studio-strip .spoken').innerText.includes('rank')"
        )
        where = studio.locator(".sampler .where").inner_text()
        body.press("Enter")
        studio.wait_for_function(
            "before => document.querySelector('.sampler .where').innerText !== before", arg=where
        )
        tints = "[...document.querySelectorAll('#studio-strip .t')].map(t => t.style.cssText)+''"
        colours = [
            studio.evaluate(tints)
            for mode in ("rank", "entropy", "surprise", "probability")
            if studio.get_by_role("radio", name=mode).first.click() is None
        ]
        assert len(set(colours)) > 1

    def test_downloads_carry_the_settings(self, studio: Any) -> None:
        for name in (".txt", ".json"):
            with studio.expect_download() as download:
                studio.locator("#studio-strip .tools button", has_text=name).click()
            text = Path(download.value.path()).read_text("utf-8")
            assert "temperature" in text
            assert "seed" in text

    def test_surprise_of_ones_own_text(self, studio: Any) -> None:
        studio.get_by_text("How surprised is the model by your text?").click()
        studio.get_by_role("textbox", name="Any text").fill("The fox saw the grapes.")
        studio.get_by_role("button", name="Measure").click()
        studio.wait_for_function(
            "document.querySelector('#studio-surprise .note').innerText.includes('bits per byte')"
        )
        assert studio.locator("#studio-surprise .t").count() > 3

    def test_an_impossible_prompt_gets_a_message(self, studio: Any) -> None:
        before = studio.evaluate(COUNT)
        studio.locator("#studio-prompt textarea").evaluate(
            "e => { e.removeAttribute('maxlength'); e.value = 'x'.repeat(30000);"
            " e.dispatchEvent(new Event('input', { bubbles: true })); }"
        )
        studio.get_by_role("button", name="Write", exact=True).click()
        studio.get_by_text("Prompt has 30,000 characters").wait_for()
        assert studio.evaluate(COUNT) == before

    @pytest.mark.parametrize("studio", ["phone"], indirect=True)
    def test_fits_a_phone(self, studio: Any) -> None:
        assert studio.evaluate("document.documentElement.scrollWidth") <= 390
        studio.locator("#studio-strip .t:not(:empty)").nth(4).tap()
        studio.locator("#studio-strip .card").wait_for(state="visible")
        assert studio.evaluate("document.documentElement.scrollWidth") <= 390


def test_endpoints_have_names_and_types(url: str) -> None:
    from gradio_client import Client

    client = Client(url, verbose=False)
    named = client.view_api(return_format="dict")["named_endpoints"]
    assert {"/generate", "/score"} <= set(named)
    names = [p["parameter_name"] for p in named["/generate"]["parameters"]]
    assert names[:3] == ["prompt", "style", "temperature"]
    text, seed = client.predict(max_new_tokens=12, seed=5, api_name="/generate")
    assert seed == 5
    assert client.predict(max_new_tokens=12, seed=5, api_name="/generate")[0] == text
    assert client.predict("The fox.", api_name="/score")["perplexity"] > 1
    with pytest.raises(Exception, match="Style"):
        client.predict(style="opera", api_name="/generate")
    assert client.predict(max_new_tokens=3, api_name="/generate")
