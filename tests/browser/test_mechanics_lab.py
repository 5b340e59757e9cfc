"""The Mechanics lab: the browser's arithmetic against numpy's, and the lab as a person uses it."""

import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from genapp.mechanics import attention as A
from genapp.mechanics import blocks, costs, examples, norms, patterns, positions
from genapp.ui.widgets.matrix_lab.widget import ORDER, maths

FITS = "document.documentElement.scrollWidth <= window.innerWidth"
RNG = np.random.default_rng(0)
Js = Callable[..., Any]


class TestArithmetic:
    """No server: the scripts alone, in the browser, equal to numpy within 1e-6."""

    @pytest.fixture(scope="class")
    def js(self, browser) -> Iterator[Js]:  # type: ignore[no-untyped-def]
        page = browser.new_page()
        page.add_script_tag(content=maths())

        def run(expression: str, *arguments: Any) -> Any:
            sent = [a.tolist() if isinstance(a, np.ndarray) else a for a in arguments]
            return page.evaluate(
                f"(a) => {{ const M = genapp.mechanics; return {expression}; }}", sent
            )

        yield run
        page.close()

    @pytest.mark.parametrize("preset", ["worked example", "cross", "causal", "unscaled"])
    def test_chain(self, js: Js, preset: str) -> None:
        stored = json.loads(examples.FILE.read_text("utf-8"))
        X, *W = (np.array(stored[n]) for n in ("X", "Wq", "Wk", "Wv"))
        memory = RNG.standard_normal((5, 16)) if preset == "cross" else None
        mask = A.causal_mask(8) if preset == "causal" else None
        divisor = 1.0 if preset == "unscaled" else 4.0
        want = A.attend(X, tuple(W), mask, divisor, memory)  # type: ignore[arg-type]
        got = js(
            "M.attend({X: a[0], Wq: a[1], Wk: a[2], Wv: a[3], divisor: a[4], mask: a[5],"
            " ...(a[6] && {memory: a[6]})})",
            X, *W, divisor, mask, memory,
        )  # fmt: skip
        for step in ("Q", "K", "V", "scores", "scaled", "weights", "output"):
            np.testing.assert_allclose(got[step], getattr(want, step), atol=1e-6, err_msg=step)
        if mask is not None:
            assert got["masked"][0][1] == -math.inf

    def test_scoring(self, js: Js) -> None:
        h, q, W, U, V = (RNG.standard_normal(s) for s in ((4, 3), 3, (3, 3), (2, 3), (2, 3)))
        w, e = RNG.standard_normal(2), RNG.standard_normal(3)
        got = js(
            "Object.fromEntries(Object.entries(M.scoring).map(([n, f]) => [n, f(a[0], a[1],"
            " {W: a[2], U: a[3], V: a[4], Wk: a[3], Wq: a[4], w: a[5], e: a[6], b: 0.1, mu: 2})]))",
            h, q, W, U, V, w, e,
        )  # fmt: skip
        want = {
            "dot": A.dot(h, q),
            "exponential": A.exponential(h, q, 2),
            "bilinear": A.bilinear(h, q, W),
            "additive": A.additive(h, q, U, V, w),
            "scaled_dot": A.scaled_dot(h, q, U, V),
            "query_free": A.query_free(h, e, 0.1),
        }
        assert set(got) == set(want)
        for name, scores in want.items():
            np.testing.assert_allclose(got[name], scores, atol=1e-6, err_msg=name)
        assert js("M.scoringParameters(256, 128)") == A.scoring_parameters(256, 128)

    def test_heads_and_gradients(self, js: Js) -> None:
        X, *W = (RNG.standard_normal(s) for s in ((5, 12), *[(12, 12)] * 4))
        keep = np.array([True, False, True])
        want, _ = A.multi_head_attention(X, tuple(W), 3, keep)  # type: ignore[arg-type]
        got = js(
            "M.multiHead({X: a[0], Wq: a[1], Wk: a[2], Wv: a[3], Wo: a[4], heads: 3, keep: a[5]})",
            X, *W, keep,
        )  # fmt: skip
        np.testing.assert_allclose(got["output"], want, atol=1e-6)
        a, r = A.softmax(RNG.standard_normal(4)), RNG.standard_normal(4)
        assert js("M.softGradient(a[0], a[1])", a, r) == pytest.approx(A.soft_gradient(a, r))
        assert js("M.reinforceVariance(a[0], a[1])", a, r) == pytest.approx(
            A.reinforce_variance(a, r)
        )
        assert js("M.softmaxGradient(a[0])", a) == pytest.approx(float(A.softmax_gradient(a)))

    def test_sharpness(self, js: Js) -> None:
        got = js("M.sharpness(M.drawScores(64, 16, 400, 5), 1)")
        want = A.sharpness(64, 16, 1, 400, seed=5)
        assert got["std"] == pytest.approx(want.std, rel=0.05)
        assert got["entropy"] == pytest.approx(want.entropy, abs=0.06)
        assert got["largest"] == pytest.approx(want.largest, abs=0.03)

    def test_positions(self, js: Js) -> None:
        for d, base in ((20, 10_000), (20, 2), (64, 100)):
            want = positions.sinusoidal(50, d, base)
            np.testing.assert_allclose(js(f"M.sinusoidal(50, {d}, {base})"), want, atol=1e-6)
            np.testing.assert_allclose(
                js(f"M.gram(M.sinusoidal(50, {d}, {base}))"), positions.gram(want), atol=1e-6
            )
        x = RNG.standard_normal((4, 6))
        np.testing.assert_allclose(js("M.rotary(a[0], 3)", x), positions.rotary(x, 3), atol=1e-6)
        np.testing.assert_allclose(js("M.relativeBias(4, 0.5)"), positions.relative_bias(4, 0.5))
        learned = js('M.orderProbe("learned", 16, 24, {base: 10000})')
        assert learned["beyond"] < 0.6 < learned["inside"]  # a table can't extrapolate

    @pytest.mark.parametrize("kind", norms.KINDS)
    def test_norms(self, js: Js, kind: str) -> None:
        x = RNG.standard_normal((3, 4, 6))
        got = js(f'M.normaliseCube(a[0], "{kind}", 0.001, 2)', x)
        np.testing.assert_allclose(got, norms.normalise(x, kind, 0.001, 2), atol=1e-6)

    @pytest.mark.parametrize("order", ["pre", "post"])
    def test_stack(self, js: Js, order: str) -> None:
        Ws, x, g = (RNG.standard_normal(s) for s in ((4, 6, 6), 6, 6))
        got = js(f'M.stackGradients("{order}", a[0], a[1], a[2])', Ws, x, g)
        np.testing.assert_allclose(got, norms.stack_gradients(order, Ws, x, g), rtol=1e-6)

    def test_patterns(self, js: Js) -> None:
        want = {
            "dense": patterns.dense(36),
            "causal": patterns.causal(36),
            "local": patterns.local(36, 3),
            "strided": patterns.strided(36, 3),
            "fixed": patterns.fixed(36, 3),
            "global": patterns.global_tokens(36, 3, 2),
            "windows": patterns.windows(6, 3),
            "shifted windows": patterns.shifted_windows(6, 3),
            "criss-cross": patterns.criss_cross(6),
        }
        assert set(js("Object.keys(M.patterns)")) == set(want)
        for name, mask in want.items():
            got = js(f'M.pattern("{name}", 36, {{w: 3, g: 2, side: 6}})')
            np.testing.assert_array_equal(got, mask, err_msg=name)
            assert (np.array(js("M.reach(a[0], 2)", mask)) == patterns.reach(mask, 2)).all()
        for corner in ((8, 8), (0, 4)):
            got = js("M.focalKeys(20, 4, a[0], a[1])", *corner)
            assert sorted(map(tuple, got)) == sorted(patterns.focal_keys(20, 4, *corner))

    def test_costs(self, js: Js) -> None:
        got = js("M.costs({n: 2048, d: 512, k: 3, r: 64})")
        want = {
            "attention": costs.self_attention(2048, 512),
            "recurrent": costs.recurrent(2048, 512),
            "convolution": costs.convolutional(2048, 512, 3),
            "restricted": costs.restricted(2048, 512, 64),
        }
        for name, cost in want.items():
            for part in ("operations", "sequential", "path"):
                assert got[name][part] == pytest.approx(getattr(cost, part)), (name, part)
        for name, stack in blocks.KNOWN.items():
            sizes = {f: getattr(stack, f) for f in stack.__slots__}
            assert js("M.countBlocks(a[0])", sizes) == blocks.count(stack), name

    def test_tiny_lm(self, js: Js) -> None:
        pairs = js("""[0, 1].map((masked) => {
          const lm = new M.TinyLM(Boolean(masked)), ids = M.tinySample(3), g = lm.gradients(ids);
          return Object.keys(g).map((k) => {
            const row = k === "E" ? ids[0] : 1, W = lm.p[k], at = W[row][1];
            W[row][1] = at + 1e-5; const up = lm.loss(ids);
            W[row][1] = at - 1e-5; const down = lm.loss(ids);
            W[row][1] = at;
            return [g[k][row][1], (up - down) / 2e-5];
          });
        })""")
        for by_hand, by_difference in (p for model in pairs for p in model):
            assert by_hand == pytest.approx(by_difference, abs=1e-7)


def ready(page: Any) -> None:
    page.wait_for_selector(".ml[data-drawn]", timeout=60_000)


def numbers(page: Any, grid: str) -> list[str]:
    return page.locator(f"[data-grid={grid}] td[data-at]").all_text_contents()


def test_the_story(visit) -> None:  # type: ignore[no-untyped-def]
    page = visit.open("/attention?tab=mechanics")
    ready(page)
    soft = numbers(page, "weights")
    assert len(soft) == 16
    largest = max(map(float, soft))
    assert largest < 0.95
    page.locator("[name=scale]").uncheck()
    assert max(map(float, numbers(page, "weights"))) >= 0.99  # one weight becomes almost 1
    page.locator("[name=scale]").check()
    assert numbers(page, "weights") == soft
    page.locator("[name=causal]").check()
    triangle = [numbers(page, "weights")[4 * i + j] for i in range(4) for j in range(i + 1, 4)]
    assert triangle == ["0.00"] * 6
    assert numbers(page, "masked")[1] == "−∞"


def test_a_number_changes_everything_after_it(visit) -> None:  # type: ignore[no-untyped-def]
    page = visit.open("/attention?tab=mechanics")
    ready(page)
    steps = ("Q", "K", "V", "scores", "scaled", "weights", "output")
    before = {s: numbers(page, s) for s in steps}
    cell = page.get_by_label("X, robot, column 1")
    cell.fill("2.5")
    cell.press("Enter")
    expect(page.get_by_label("X, must, column 1")).to_be_focused()
    after = {s: numbers(page, s) for s in steps}
    assert all(after[s] != before[s] for s in steps if s != "V")
    page.reload()  # the link holds the number
    ready(page)
    assert page.get_by_label("X, robot, column 1").input_value() == "2.5"
    assert {s: numbers(page, s) for s in steps} == after
    page.locator("[data-tool=reset]").click()
    assert {s: numbers(page, s) for s in steps} == before
    page.locator("[data-tool=undo]").click()
    assert {s: numbers(page, s) for s in steps} == after
    cell.fill("nonsense")
    cell.press("Enter")
    assert cell.input_value() == "2.5"


def test_drag_and_hover(visit) -> None:  # type: ignore[no-untyped-def]
    page = visit.open("/attention?tab=mechanics")
    ready(page)
    box = page.get_by_label("X, robot, column 1").bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 14)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 14, steps=4)
    page.mouse.up()
    assert float(page.get_by_label("X, robot, column 1").input_value()) == 2
    page.locator("[data-grid=scores] td[data-at='2,1']").hover()
    expect(page.locator(".ml-formula")).to_contain_text("obey → must: q·k =")
    assert page.locator("[data-grid=Q] .ml-hl").count() == 4
    assert page.locator("[data-grid=K] .ml-hl").count() == 4


def test_a_strangers_link(visit) -> None:  # type: ignore[no-untyped-def]
    sent = '{"preset":"evil","d":1e9,"edits":{"X.0.0":"x","X.1.0":7},"scale":3,"other":1}'
    page = visit.open(f"/attention?tab=mechanics&mechanics.lesson=chain&mechanics.s={sent}")
    ready(page)
    assert page.get_by_label("X, must, column 1").input_value() == "7"
    assert page.get_by_label("X, robot, column 1").input_value() == "1"
    expect(page.locator("[name=scale]")).to_be_checked()


@pytest.mark.parametrize("visit", ["desktop", "phone"], indirect=True)
def test_every_lesson_opens_and_moves(visit) -> None:  # type: ignore[no-untyped-def]
    page = visit.open("/attention?tab=mechanics")
    ready(page)
    on_phone = page.viewport_size["width"] < 700
    for lesson in ORDER:
        if on_phone:
            page.select_option(".ml-menu", lesson)
        else:
            page.click(f".ml-rail [data-lesson={lesson}]")
        expect(page.locator(".ml")).to_have_attribute("data-open", lesson)
        assert page.evaluate(FITS), lesson
        panel = page.locator(".ml-panel")
        before = panel.inner_html()
        checks = page.locator(".ml-controls").first.locator(
            "input, select, .ml-radio button:last-child"
        )
        moved = False
        for i in range(checks.count()):
            if not checks.nth(i).is_visible() or checks.nth(i).get_attribute("type") == "text":
                continue
            if checks.nth(i).get_attribute("type") in ("checkbox", "button"):
                checks.nth(i).click()
            elif checks.nth(i).get_attribute("type") == "range":
                checks.nth(i).press("ArrowRight")
                checks.nth(i).press("ArrowRight")
            else:
                checks.nth(i).press("ArrowDown")
            moved = moved or panel.inner_html() != before
        assert moved, lesson


def test_masks_and_the_leak(visit) -> None:  # type: ignore[no-untyped-def]
    page = visit.open("/attention?tab=mechanics&mechanics.lesson=masks")
    ready(page)
    assert numbers(page, "weights")[4:6] == ["0.50", "0.50"]
    page.get_by_label("wrong way: zero after the softmax").check()
    assert numbers(page, "sums") == ["0.25", "0.50", "0.75", "1.00"]
    page.locator("[data-action=train]").click()
    page.wait_for_selector(".ml-box[data-done=true]", timeout=120_000)
    rows = page.locator(".ml-box[data-done] tr")
    cells = [rows.nth(i).locator("td").all_text_contents() for i in (1, 2)]
    masked, leaky = ({"loss": float(c[1]), "legal": int(c[3].split()[0])} for c in cells)
    assert masked["loss"] == pytest.approx(1.03, abs=0.15)  # the grammar's own entropy
    assert masked["legal"] > 95
    assert leaky["loss"] < 0.8  # below what an honest model can reach
    assert leaky["legal"] < 70  # and yet it can't write


def test_measured_on_the_server(visit) -> None:  # type: ignore[no-untyped-def]
    page = visit.open("/attention?tab=mechanics&mechanics.lesson=cost")
    ready(page)
    page.locator("[data-action=gru]").click()
    expect(page.locator(".ml-panel")).to_contain_text("1,024 tokens: GRU", timeout=90_000)
    page.locator("[data-lesson=example]").click()
    page.locator("[data-action=time]").click()
    expect(page.locator(".ml-panel")).to_contain_text("times faster", timeout=60_000)


def test_export(visit) -> None:  # type: ignore[no-untyped-def]
    page = visit.open("/attention?tab=mechanics")
    ready(page)
    with page.expect_download() as waiting:
        page.locator("[data-tool=json]").click()
    sent = json.loads(waiting.value.path().read_text())
    data = {k: np.array(v, float) for k, v in sent["data"].items()}
    want = A.attend(data["X"], (data["Wq"], data["Wk"], data["Wv"]))
    np.testing.assert_allclose(data["output"], want.output, atol=1e-6)
    with page.expect_download() as waiting:
        page.locator("[data-tool=csv]").click()
    assert waiting.value.path().read_text().startswith("X\n1,0,2,-1\n")
