"""The Viewer as a person uses it: what is drawn, held, hidden, silenced and taken home."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from genapp.ui.pages.attention_stories import STORIES
from genapp.ui.widgets.attention_view import widget as view

HEAD = int(STORIES[0].look["head"])  # of layer 4, where the Viewer opens
READY = "#viewer-attention [data-state=ready], #viewer-attention[data-state=ready]"
HOST = "[...document.querySelectorAll('*')].find(e => e.attentionView).attentionView"
PIXELS = f"""() => {{
  const {{ canvas }} = {HOST};
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  const seen = new Set();
  let sum = 0;
  for (let i = 0; i < data.length; i += 4) {{
    seen.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
    sum = (sum * 31 + data[i] * 7 + data[i + 1] * 3 + data[i + 3]) >>> 0;
  }}
  return [seen.size, sum];
}}"""


@pytest.fixture
def viewer(visit) -> Any:  # type: ignore[no-untyped-def]
    """The tab with its first picture drawn."""
    return opened(visit)


def opened(visit: Any, query: str = "") -> Any:
    page = visit.open(f"/attention?tab=viewer{query}")
    page.wait_for_selector(READY, timeout=120_000)
    page.wait_for_function(f"{HOST}.frame")
    return page


def pixels(page: Any) -> list[int]:
    return page.evaluate(PIXELS)


def changed(page: Any, old: list[int]) -> None:
    """Waits until the canvas holds another picture."""
    page.wait_for_function(f"old => ({PIXELS})()[1] !== old", arg=old[1])


def cell(page: Any, r: int, c: int) -> tuple[float, float]:
    """A cell's middle in pixels of the canvas; -1 is the token's label."""
    return page.evaluate(
        f"""([r, c]) => {{ const m = {HOST}.views.matrix;
        const at = (n, from) => n < 0 ? from / 2 : from + (n + 0.5) * m.cell;
        return [at(c, m.left), at(r, m.head)]; }}""",
        [r, c],
    )


def click(page: Any, r: int, c: int, double: bool = False) -> None:
    x, y = cell(page, r, c)
    canvas = page.locator(".av-canvas")
    (canvas.dblclick if double else canvas.click)(position={"x": x, "y": y})


def test_opens_with_its_story_told(viewer: Any) -> None:
    assert pixels(viewer)[0] > 20
    expect(viewer.locator(".av-title")).to_have_text("GPT-mini · causal self-attention")
    expect(viewer.locator(".av-readout")).to_contain_text("it looks at animal")
    expect(viewer.locator(".av-hint")).to_contain_text("hover to focus, click to lock")
    expect(viewer.locator("#viewer-panel")).to_contain_text("Logit lens")


def test_layer_and_head_change_the_picture(viewer: Any) -> None:
    first = pixels(viewer)
    viewer.locator(".av-layer").fill("2")
    changed(viewer, first)
    second = pixels(viewer)
    viewer.get_by_role("radio", name="head 7", exact=True).click()
    changed(viewer, second)
    assert "l2_h7" in viewer.url
    viewer.locator(".av-canvas").focus()
    viewer.keyboard.press("PageDown")
    expect(viewer.locator(".av-layer-name")).to_have_text("3 of 4")


def test_hover_click_and_arrows(viewer: Any) -> None:
    viewer.keyboard.press("Escape")
    viewer.locator(".av-canvas").focus()
    viewer.keyboard.press("Escape")
    expect(viewer.locator(".av-readout")).not_to_contain_text("locked")
    x, y = cell(viewer, 5, 2)
    viewer.locator(".av-canvas").hover(position={"x": x, "y": y})
    expect(viewer.locator(".av-readout")).to_contain_text("cross looks at animal")
    click(viewer, 6, 3)
    expect(viewer.locator(".av-readout")).to_contain_text(re.compile("the looks at did .*locked"))
    expect(viewer.locator(".av-table caption")).to_contain_text("what the looks at")
    assert viewer.locator(".av-table tbody tr").count() == 15
    x, y = cell(viewer, 1, 1)
    viewer.locator(".av-canvas").hover(position={"x": x, "y": y})  # a lock holds
    expect(viewer.locator(".av-readout")).to_contain_text("the looks at did")
    viewer.keyboard.press("ArrowDown")
    expect(viewer.locator(".av-readout")).to_contain_text("stre looks at did")
    expect(viewer.locator("#viewer-panel")).to_contain_text("What comes after “stre”")


def test_the_row_in_focus_is_exact(viewer: Any) -> None:
    click(viewer, 10, 2)
    click(viewer, 9, 2)
    viewer.wait_for_function(f"{HOST}.element.dataset.exact?.endsWith('/9/2')")
    got = viewer.evaluate(f"{HOST}.source.row(0, 3, {HEAD}, 9).then(rows => Array.from(rows[3]))")
    from genapp import service

    (maps,) = service.attention("gpt", "gpt-mini", view_text(viewer))
    np.testing.assert_allclose(got, maps.layer(3)[HEAD, 9], atol=1e-6)


def view_text(page: Any) -> str:
    return page.locator("#viewer-text textarea").input_value()


def test_double_click_hides_and_runs_again(viewer: Any) -> None:
    run, old = viewer.evaluate(f"{HOST}.run"), pixels(viewer)
    click(viewer, -1, 2, double=True)
    viewer.wait_for_function(f"run => {HOST}.run !== run", arg=run)
    changed(viewer, old)
    viewer.wait_for_function(f"{HOST}.act.changes.hide.join() === '2'")
    expect(viewer.locator("#viewer-panel")).to_contain_text("nats (KL")
    viewer.wait_for_function(
        f"{HOST}.source.layer(0, 3).then(c => c.data.every((v, i) =>"
        " i % c.K !== 2 || Math.floor(i / c.K) % c.Q === 2 || v === 0))"
    )
    viewer.get_by_role("button", name="Undo 1 change").click()
    viewer.wait_for_function(f"{HOST}.act.changes.hide.length === 0 && {HOST}.frame")
    expect(viewer.locator("#viewer-panel")).not_to_contain_text("nats (KL")


def test_swap_and_silence(viewer: Any) -> None:
    viewer.locator(".av-swap input").fill("she")
    viewer.keyboard.press("Enter")
    expect(viewer.locator(".av-words")).to_contain_text("she")
    expect(viewer.get_by_role("button", name="Undo 1 change")).to_be_enabled()
    viewer.get_by_role("button", name=f"Silence head {HEAD + 1}").click()
    expect(viewer.get_by_role("button", name="Undo 2 changes")).to_be_enabled()
    expect(viewer.get_by_role("button", name=f"Restore head {HEAD + 1}")).to_be_visible()
    expect(viewer.locator("#viewer-panel")).to_contain_text("nats (KL")


@pytest.mark.parametrize("name", ["Lines", "One row"])
def test_other_views_draw(viewer: Any, name: str) -> None:
    old = pixels(viewer)
    viewer.get_by_role("radio", name=name, exact=True).click()
    changed(viewer, old)
    assert pixels(viewer)[0] > 20


def test_all_heads_open_one(viewer: Any) -> None:
    viewer.get_by_role("radio", name="All heads").click()
    viewer.wait_for_function(f"{HOST}.views.grid.pictures.size === 4")
    place = viewer.evaluate(
        f"(({{ views: {{ grid }} }}) => [grid.x(3) + 8, grid.y(1) + 8])({HOST})"
    )
    viewer.locator(".av-canvas").click(position={"x": place[0], "y": place[1]})
    expect(viewer.locator(".av-layer-name")).to_have_text("2 of 4")
    expect(viewer.get_by_role("radio", name="head 4", exact=True)).to_be_checked()
    viewer.get_by_role("radio", name="All heads").click()
    viewer.get_by_role("radio", name="silences it").click()
    viewer.locator(".av-canvas").click(position={"x": place[0], "y": place[1]})
    expect(viewer.get_by_role("button", name="Undo 1 change")).to_be_enabled()


def test_filters_change_the_numbers(viewer: Any) -> None:
    viewer.locator(".av-more summary").click()
    sums = (
        f"() => {{ const f = {HOST}.frame; return [f.Q, f.K, f.values.reduce((a, b) => a + b)]; }}"
    )
    Q, K, total = viewer.evaluate(sums)
    assert total == pytest.approx(Q, abs=0.2)
    viewer.locator(".av-specials").select_option("hide")
    assert viewer.evaluate(sums)[:2] == [Q - 1, K - 1]
    viewer.locator(".av-specials").select_option("renorm")
    assert viewer.evaluate(sums)[2] == pytest.approx(Q - 1, abs=1e-3)
    viewer.locator(".av-specials").select_option("show")
    viewer.locator(".av-cut").fill("50")
    kept = viewer.evaluate(sums)[2]
    assert 0.45 * Q < kept < 0.95 * Q
    viewer.locator(".av-cut").fill("100")
    viewer.locator(".av-minus").select_option(f"3.{HEAD}")  # this very head: nothing is left
    viewer.wait_for_function(f"{HOST}.frame.signed && {HOST}.frame.top === 0")
    viewer.locator(".av-minus").select_option("")
    old = pixels(viewer)
    viewer.locator(".av-kind").select_option("0")
    changed(viewer, old)
    expect(viewer.locator(".av-warn")).to_contain_text("worse than the raw heads")
    viewer.locator(".av-kind").select_option("flow")
    viewer.wait_for_function(f"Math.abs({HOST}.frame.values.reduce((a, b) => a + b) - {Q}) < 0.3")


def test_a_link_restores_the_view(visit: Any) -> None:
    page = opened(visit, "&viewer.see=l2_h3_vlines_shide_q4&viewer.text=The+fox+and+the+crow")
    state = page.evaluate(f"{HOST}.state")
    assert (state["layer"], state["head"], state["view"], state["specials"]) == (
        1, 2, "lines", "hide",
    )  # fmt: skip
    assert state["lock"]["q"] == 4
    assert page.evaluate(f"{HOST}.map.queries.tokens.join('')").endswith("The fox and the crow")


@pytest.mark.parametrize("kind", ["svg", "png", "csv", "html"])
def test_downloads(viewer: Any, tmp_path: Path, kind: str) -> None:
    with viewer.expect_download() as waiting:
        viewer.locator(f"[data-save={kind}]").click()
    path = tmp_path / f"attention.{kind}"
    waiting.value.save_as(path)
    raw = path.read_bytes()
    if kind == "png":
        assert raw.startswith(b"\x89PNG")
        assert len(raw) > 3_000
        return
    text = raw.decode()
    assert "GPT-mini" in text
    assert f"head {HEAD + 1}" in text
    if kind == "csv":
        rows = [line for line in text.splitlines() if not line.startswith("#")]
        assert len(rows) == 16
        numbers = [[float(v) for v in row.rsplit(",", 15)[1:]] for row in rows[1:]]
        np.testing.assert_allclose(np.sum(numbers, 1), 1, atol=0.03)
    else:
        assert text.count("<rect") == 1 + 15 * 15


def test_another_sentence_and_a_story(viewer: Any) -> None:
    viewer.locator("#viewer-text textarea").fill("The crow saw the cheese")
    viewer.get_by_role("button", name="Draw").click()
    expect(viewer.locator(".av-words")).to_contain_text("crow")
    viewer.get_by_role("button", name="who gave what").click()
    expect(viewer.locator(".av-words")).to_contain_text("gave")
    expect(viewer.get_by_role("radio", name="Lines")).to_be_checked()
    viewer.locator("#viewer-text textarea").fill(" ")
    viewer.get_by_role("button", name="Draw").click()
    expect(viewer.get_by_text("There is no text")).to_be_visible()


def test_why_and_rollout_by_gradients(viewer: Any) -> None:
    viewer.get_by_label("Integrated gradients").check()
    expect(viewer.locator("#viewer-why")).to_contain_text("Completeness: ✓")
    expect(viewer.locator("#viewer-why tbody tr")).to_have_count(15)
    click(viewer, 4, 2)
    expect(viewer.locator("#viewer-why")).to_contain_text("at “not”")
    viewer.locator(".av-more summary").click()
    viewer.locator(".av-kind").select_option("grad")
    rows = f"() => {HOST}.frame.values.reduce((a, b) => a + b)"
    viewer.wait_for_function(f"{HOST}.full.asked === 4")
    assert viewer.evaluate(rows) == pytest.approx(15, abs=0.3)
    old = pixels(viewer)
    click(viewer, 12, 2)
    changed(viewer, old)
    viewer.get_by_label("off", exact=True).check()
    expect(viewer.locator("#viewer-why tbody tr")).to_have_count(0)


def test_compare_two_sentences(viewer: Any) -> None:
    viewer.get_by_text("Compare with another sentence or model").click()
    viewer.locator("#viewer-other textarea").fill("The wolf did not cross the river")
    viewer.get_by_role("button", name="Compare", exact=True).click()
    viewer.wait_for_function(f"{HOST}.full?.signed && {HOST}.frame.top > 0.05")
    expect(viewer.locator(".av-words")).to_contain_text("animal|wolf")
    numbers = viewer.evaluate(
        f"""(async () => {{ const h = {HOST}, {{ layer, head }} = h.state;
        const at = (c) => (q, k) => c.data[(head * c.Q + q) * c.K + k] * c.unit;
        const mine = at(await h.versus.mine.layer(0, layer));
        const other = at(await h.versus.other.source.layer(0, layer));
        return [h.frame.values[4 * h.frame.K + 2], mine(4, 2) - other(4, 2)]; }})()"""
    )
    assert numbers[0] == pytest.approx(numbers[1], abs=1e-6)
    assert abs(numbers[0]) > 1e-3
    viewer.get_by_role("radio", name="The other").click()
    expect(viewer.locator(".av-words")).to_contain_text("wolf")
    expect(viewer.locator(".av-act")).to_be_hidden()
    viewer.get_by_role("radio", name="This one").click()
    expect(viewer.locator(".av-words")).not_to_contain_text("wolf")
    viewer.get_by_role("button", name="Stop", exact=True).click()
    expect(viewer.locator(".av-versus")).to_be_hidden()


def test_a_translator_brings_its_story(viewer: Any) -> None:
    viewer.locator("#viewer-model input").click()
    viewer.get_by_role("option", name="Transformer", exact=True).click()
    viewer.wait_for_function(f"{HOST}.maps.length === 3 && {HOST}.frame")
    assert view_text(viewer).endswith("my brother lives in this house.")
    expect(viewer.locator(".av-readout")).to_contain_text("in looks at в")
    expect(viewer.locator("#viewer-panel")).to_contain_text("In place of “in”")
    assert "a2_q3" in viewer.url
    viewer.get_by_role("button", name="the street").click()
    expect(viewer.locator("#viewer-panel")).to_contain_text("In place of “the”")
    viewer.locator(".av-map").select_option("1")
    click(viewer, 2, 1)
    expect(viewer.locator("#viewer-panel")).to_contain_text("What comes after “dog”")
    viewer.locator("#viewer-text textarea").fill("я вижу дом.")
    viewer.locator("#viewer-model input").click()
    viewer.get_by_role("option", name="GRU with attention", exact=True).click()
    viewer.wait_for_function(f"{HOST}.maps.length === 1 && {HOST}.frame")
    assert view_text(viewer) == "я вижу дом."  # a visitor's words stay
    expect(viewer.get_by_role("button", name="one head")).to_be_visible()


@pytest.mark.parametrize("visit", ["phone"], indirect=True)
def test_phone(visit: Any) -> None:
    page = opened(visit)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator(".av-words button").nth(4).click()
    expect(page.locator(".av-readout")).to_contain_text("not looks at")


class TestAlone:
    """The widget without a server: inline matrices, patches, a long text."""

    @pytest.fixture
    def widget(self, browser: Any) -> Iterator[Any]:
        page = browser.new_page(viewport={"width": 900, "height": 800})
        complaints: list[str] = []
        page.on("pageerror", lambda e: complaints.append(str(e)))
        html = (Path(view.__file__).parent / "widget.html").read_text("utf-8")
        page.set_content(f'<div id="w" style="width: 860px">{html}</div>')
        page.add_script_tag(
            content="window.genapp = { url: { get: () => null, set() {} } };"
            "window.open = (element, props, trigger, watch) => {" + view._script() + "};"
            "window.props = { value: {}, share: '', editable: false };"
            "const w = document.getElementById('w');"
            "window.open(w, props, () => {}, (_, f) => (window.take = f));"
        )

        def show(value: dict[str, str]) -> Any:
            page.evaluate("value => { props.value = value; take(); }", value)
            page.wait_for_function(
                f"run => {HOST}.element.dataset.run === run && {HOST}.frame", arg=value["run"]
            )
            return page

        yield show
        page.close()
        assert not complaints, complaints

    def test_grows_a_row_per_word(self, widget: Any) -> None:
        words, keys = ["die", "Straße", "."], ["the", "street", "."]
        A = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0, 0.1, 0.9]], np.float32)
        page = None
        for n in (0, 1, 2, 3):
            page = widget(view.inline(words[:n], keys, A[:n], title="translator", run="one"))
            page.wait_for_function(f"n => {HOST}.frame.Q === n", arg=n)
        page.wait_for_function(f"({PIXELS})()[0] > 8")
        values = page.evaluate(f"Array.from({HOST}.frame.values)")
        np.testing.assert_allclose(values, A.ravel(), atol=1e-6)
        expect(page.locator(".av-title")).to_have_text("translator")

    def test_patches_light_up_on_their_picture(self, widget: Any) -> None:
        from genapp.attention import Side

        patches = Side(
            tokens=("[CLS]", *(f"p{i}" for i in range(16))),
            kinds=("special", *["patch"] * 16), grid=(4, 4),
        )  # fmt: skip
        A = np.full((17, 17), 0.02, np.float32)
        A[:, 6] += 1 - A.sum(1)
        page = widget(view.inline(patches, patches, A, kind="self", title="ViT", run="v"))
        page.get_by_role("radio", name="Picture").click()
        page.wait_for_function(f"{HOST}.element.dataset.view === 'overlay'")
        old = pixels(page)
        page.locator(".av-canvas").hover(position={"x": 40, "y": 40})
        changed(page, old)
        expect(page.locator(".av-readout")).to_contain_text("p0 looks at p5")

    def test_512_tokens(self, widget: Any) -> None:
        rng = np.random.default_rng(0)
        T = 512
        A = np.tril(rng.random((T, T)).astype(np.float32))
        A /= A.sum(1, keepdims=True)
        names = [f"w{i}" for i in range(T)]
        page = widget(view.inline(names, names, A, kind="causal", title="long", run="x"))
        page.wait_for_function(f"({PIXELS})()[0] > 30")
        page.get_by_role("button", name="Zoom in").click()
        page.get_by_role("button", name="Zoom in").click()
        page.wait_for_function(f"{HOST}.views.matrix.zoom === 4")
        page.locator(".av-canvas").focus()
        for _ in range(3):
            page.keyboard.press("ArrowLeft")
        took = page.evaluate(
            f"(() => {{ const s = performance.now(); {HOST}.reframe(); {HOST}.paint();"
            " return performance.now() - s; })()"
        )
        assert took < 2_000
