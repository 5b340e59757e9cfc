"""The Patches tab as a person uses it: cut, click, drag; and its arithmetic in the browser."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, App, Visit
from playwright.sync_api import expect

from genapp import checkpoints, registry
from genapp.spec import resolve
from genapp.trainer.loop import TrainConfig, Trainer
from genapp.ui.widgets.patch_view.widget import text

DRAWN = "Number(document.querySelector('#patches-view .pv').dataset.drawn)"
FACTS = "document.querySelector('#patches-view .facts').textContent"
INK = """(i) => {
  const c = document.querySelectorAll('#patches-view .stage canvas')[i];
  return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.reduce((a, v) => (a * 31 + v) | 0, 7);
}"""  # noqa: E501


class TestArithmetic:
    @pytest.fixture(scope="class")
    def js(self, browser) -> Iterator[Any]:  # type: ignore[no-untyped-def]
        page = browser.new_page()
        page.add_script_tag(content=text("maths.js"))
        yield lambda expression, *a: page.evaluate(
            f"(a) => {{ const P = genapp.patches; return {expression}; }}", list(a)
        )
        page.close()

    @pytest.mark.parametrize(
        ("image", "patch", "tokens", "numbers"),
        [(256, 64, 16, 12_288), (224, 16, 196, 768), (384, 16, 576, 768)],
    )
    def test_facts(self, js: Any, image: int, patch: int, tokens: int, numbers: int) -> None:
        got = js("P.facts(a[0], a[1])", image, patch)
        assert (got["tokens"], got["positions"], got["numbers"]) == (tokens, tokens + 1, numbers)

    def test_regrouping_keeps_the_weight_and_its_place(self, js: Any) -> None:
        row = np.random.default_rng(0).random(65)
        row /= row.sum()
        tokens = row[1:].reshape(8, 8)
        for G in (4, 8, 16, 32):
            got = js("[...P.regroup(a[0], 1, a[1], 8)]", row.tolist(), G)
            assert sum(got) == pytest.approx(1 - row[0])
            want = (
                tokens.reshape(G, 8 // G, G, 8 // G).sum((1, 3))
                if G <= 8
                else tokens.repeat(G // 8, 0).repeat(G // 8, 1) / (G // 8) ** 2
            )
            np.testing.assert_allclose(np.reshape(got, (G, G)), want, atol=1e-12)

    def test_reach_of_convolutions(self, js: Any) -> None:
        assert js("P.distance(0, 63, 8)") == 7
        assert [js("P.layers(7, a[0])", k) for k in (3, 5, 7)] == [7, 4, 3]
        assert js("P.layers(0, 3)") == 1


@pytest.fixture(scope="module")
def url(request, tmp_path_factory) -> Iterator[str]:  # type: ignore[no-untyped-def]
    """The app with the shipped model, or with a tiny one where it is not shipped yet."""
    if (ROOT / "checkpoints" / "vit" / "vit-cifar" / "meta.json").exists():
        yield request.getfixturevalue("app").url
        return
    folder = tmp_path_factory.mktemp("patches")
    spec = registry.get("vit")
    config = TrainConfig(**{**spec.presets["micro"].train["cpu"], "steps": 10})  # type: ignore[arg-type]
    trainer = Trainer(resolve(spec.recipe)("micro", config, None), config, folder / "run")
    trainer.fit()
    blobs = {p.name: p.read_bytes() for p in (folder / "run" / "best").iterdir()}
    checkpoints.write_folder(folder / "home" / "checkpoints" / "vit" / "vit-cifar", blobs)
    running = App(folder)
    yield running.url
    running.close()


@pytest.fixture(params=["desktop"])
def page(url: str, browser, request) -> Iterator[Any]:  # type: ignore[no-untyped-def]
    size = {"desktop": (1280, 900), "phone": (390, 844)}[request.param]
    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    context.set_default_timeout(60_000)
    visitor = Visit(context.new_page(), url)
    page = visitor.open("/attention?tab=patches")
    page.wait_for_selector("#patches-view section[data-answered]")
    yield page
    context.close()
    assert not visitor.complaints, visitor.complaints


def slide(page: Any, name: str, value: int) -> None:
    before = page.evaluate(DRAWN)
    page.locator("#patches-view").get_by_role("slider", name=name).fill(str(value))
    page.wait_for_function(f"{DRAWN} > {before}")


def test_a_person_cuts_clicks_and_drags(page: Any) -> None:
    assert "64 patches" in page.evaluate(FACTS)
    first = [page.evaluate(INK, i) for i in range(3)]
    assert len(set(first)) == 3
    slide(page, "Patch", 3)
    assert "4 × 4 = 16 patches, in one row of 17" in page.evaluate(FACTS)
    assert "12,288" in page.evaluate(FACTS)
    expect(page.locator("#patches-view .warning")).to_contain_text("smaller than a 64-px patch")
    slide(page, "Smallest thing", 80)
    expect(page.locator("#patches-view .warning")).to_be_hidden()
    looked = [page.evaluate(INK, i) for i in range(3)]
    page.locator("#patches-view .stage canvas").first.click(position={"x": 20, "y": 20})
    assert all(page.evaluate(INK, i) != looked[i] for i in range(3))
    # of the four tokens under this patch the network is asked for the one at its middle
    page.wait_for_selector("#patches-view section[data-answered='9']")
    rows = page.locator("#patches-view table tr").all_inner_texts()
    assert "identical" in rows[1]
    assert "identical" not in rows[2]
    page.locator("#patches-view .stage canvas").first.press("ArrowRight")
    expect(page.locator("#patches-view .stage")).to_contain_text("Row 1, column 2")
    page.get_by_role("button", name="[CLS]").click()
    expect(page.locator("#patches-view .stage")).to_contain_text("[CLS] →")
    assert "cls" in page.url
    window = page.locator("#patches-view section[data-inside]")
    assert window.get_attribute("data-inside") == "false"
    page.get_by_role("button", name="7 × 7").click()
    page.locator("#patches-view canvas.drag").press("ArrowUp")
    page.locator("#patches-view canvas.drag").press("ArrowLeft")
    assert window.get_attribute("data-inside") == "true"
    said = window.locator(".say").inner_text()
    page.locator("#patches-view canvas.drag").press("ArrowDown")
    assert window.locator(".say").inner_text() != said
    assert "one layer at any distance" in window.locator(".say").inner_text()


def test_another_picture_and_a_link_to_it(page: Any) -> None:
    before = page.evaluate(INK, 0)
    page.locator("#patches-picture").get_by_label("flower").check()
    page.wait_for_function(f"({INK})(0) !== {before}")
    page.wait_for_function("location.search.includes('patches.picture=flower')")
    slide(page, "Patch", 1)
    flower = page.evaluate(INK, 0)
    page.reload()
    page.wait_for_function(
        f"document.querySelector('#patches-view .pv[data-drawn]') && ({INK})(0) === {flower}"
    )


@pytest.mark.parametrize("page", ["phone"], indirect=True)
def test_on_a_phone_nothing_sticks_out(page: Any) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
