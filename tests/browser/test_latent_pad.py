"""The latent pad as a person uses it: dragged, typed, by keys, from a link."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pad_on_toy import BOX, SETTLED, codes, decode, drag, opened, picture, url

__all__ = ["opened", "url"]  # fixtures


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
