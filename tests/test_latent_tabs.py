"""The three tabs of the Latent page: what their handlers draw, and what they refuse."""

import base64
import io
import itertools
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from latent_help import VAE, text_of, three, with_metrics
from PIL import Image

from genapp import checkpoints
from genapp.errors import UserError
from genapp.families.autoencoders import (
    claims,
    defect_views,
    odd_views,
    pad_views,
    plots,
    tab_collapse,
    tab_pad,
    tab_uses,
    tabs,
    use_views,
)
from genapp.ui.widgets.digit_canvas.widget import pack, pixels


class TestPlots:
    def test_a_picture_keeps_its_grey_values_as_opacity(self) -> None:
        grey = np.arange(784, dtype=np.uint16).reshape(28, 28).astype(np.uint8)
        data = base64.b64decode(plots.png(grey).split(",")[1])
        back = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))
        assert (back[..., 3] == grey).all()
        assert (back[..., :3] == plots.INK).all()

    def test_a_mosaic_puts_tiles_row_by_row(self) -> None:
        tiles = np.stack([np.full((2, 2), k, np.uint8) for k in range(1, 6)])
        sheet = plots.mosaic(tiles, 3, gap=1)
        assert sheet.shape == (5, 8)
        assert sheet[0, [0, 3, 6]].tolist() == [1, 2, 3]
        assert sheet[3, [0, 3, 6]].tolist() == [4, 5, 0]
        assert sheet[2].sum() == 0

    @pytest.mark.parametrize(
        ("value", "shown"),
        [(0.784, "0.784"), (1000.0, "1,000"), (-1.5, "−1.5"), (1e-5, "1·10⁻⁵"),
         (float("inf"), "∞"), (float("nan"), "–")],
    )  # fmt: skip
    def test_numbers_read_well(self, value: float, shown: str) -> None:
        assert plots.number(value) == shown

    def test_ticks_are_round_and_inside(self) -> None:
        assert plots.ticks(0, 19) == [0, 5, 10, 15]
        assert plots.ticks(-2.4, 2.4, 5) == [-2, -1, 0, 1, 2]

    def test_data_lands_where_the_axes_say(self) -> None:
        plane = plots.Plane(x=(0.1, 10), y=(0, 1), width=100, height=100, left=0, right=0,
                            top=0, bottom=0, log=True)  # fmt: skip
        assert plane.across([0.1, 1, 10]) == pytest.approx([0, 50, 100])
        assert plane.down([0, 1]) == pytest.approx([100, 0])

    def test_nan_is_left_out_and_words_are_escaped(self) -> None:
        plane = plots.Plane(x=(0, 1), y=(0, 1))
        assert "nan" not in plots.line(plane, [0, 1], [0.5, float("nan")])
        assert "nan" not in plots.dots(plane, [0], [float("nan")], ["x"])
        assert "<b>" not in plots.trouble("<b>")


class TestCollapse:
    def test_the_axis_has_seven_stops_and_two_deaths(self) -> None:
        reply = tab_collapse.axis()
        stops = [s["b"] for s in reply["stops"]]
        assert stops == [0.0, 0.00784, 0.0784, 0.784, 2.0, 7.84, 20.0]
        at = [s["at"] for s in reply["stops"]]
        assert at == sorted(at)
        assert reply["stops"][3]["knobs"]["factor"] == "1,000"
        first, second, third = reply["marks"]
        assert (first["used"], second["used"], third["used"]) == (True, True, False)
        assert first["at"] > second["at"] > third["at"]
        # the source's thresholds, b = 2λ of MNIST's first three principal axes
        found = [float(m["b"]) for m in reply["marks"]]
        assert found == pytest.approx([10.2, 7.48, 6.51], rel=0.01)

    @pytest.mark.parametrize(
        ("index", "state"),
        [(0, "No prior"), (3, "Both numbers live"), (5, "One number is dead"),
         (6, "Both numbers are dead")],
    )  # fmt: skip
    def test_every_stop_tells_its_state(self, index: int, state: str) -> None:
        html = tab_collapse.view(index)["html"]
        assert state in html
        name = list(tabs.VAES.values())[index]
        assert f"{tabs.metrics(name)['active']} of 2" in text_of(html)
        assert html.count("<img") == 3
        assert html.count("<svg") == 3

    def test_views_differ_and_come_from_the_cache(self) -> None:
        views = [tab_collapse.view(k)["html"] for k in range(7)]
        assert len(set(views)) == 7
        start = time.perf_counter()
        assert [tab_collapse.view(k)["html"] for k in range(7)] == views
        assert time.perf_counter() - start < 0.35  # 50 ms each, on a busy machine

    @pytest.mark.parametrize("bad", [None, "x", 7, -1, float("nan"), [1], {"a": 1}])
    def test_an_unknown_stop_is_refused_in_words(self, bad: object) -> None:
        assert " — " in tab_collapse.view(bad)["error"]

    def test_numbers_come_from_the_checkpoint(self) -> None:
        assert "12.3" not in text_of(tab_collapse.sweep())
        with_metrics(VAE, test_sse=12.3, sigma=0.456)
        assert "12.3" in text_of(tab_collapse.sweep())
        assert "0.456" in text_of(tab_collapse.view(3)["html"])

    def test_the_trend_of_the_sweep_is_the_theorys(self) -> None:
        kl = [tabs.metric(n, "test_kl") for n in tabs.VAES.values()]
        assert kl == sorted(kl, reverse=True)
        sse = [tabs.metric(n, "test_sse") for n in tabs.VAES.values()]
        assert all(b > 0.99 * a for a, b in itertools.pairwise(sse))
        assert [int(tabs.metric(n, "active")) for n in tabs.VAES.values()][-2:] == [1, 0]

    def test_a_missing_network_is_words(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(checkpoints, "roots", lambda: (Path("/nowhere"),))
        monkeypatch.setattr(tabs.service, "models", tabs.service.Models())
        assert " — " in tab_collapse.axis()["error"]
        assert " — " in tab_collapse.view(2)["error"]
        assert "–" in tab_collapse.sweep()


class TestWalls:
    ASKED = ("dense", "2", "prior", 30, 1.0)

    def test_pictures_first_then_the_gauges(self) -> None:
        (first, seed), (second, again) = tab_pad.walls(*self.ASKED, 7)
        assert seed == again == 7
        assert first.count("data-main") == 2
        assert "Is it plausible?" not in first
        for question in ("plausible?", "new?", "varied?"):
            assert question in second

    def test_the_seed_decides(self) -> None:
        def wall(seed: int) -> str:
            return next(tab_pad.walls(*self.ASKED, seed))[0]

        assert wall(7) == wall(7)
        assert wall(7) != wall(8)

    def test_minus_one_draws_a_seed_and_gives_it_back(self) -> None:
        seeds = [next(tab_pad.walls(*self.ASKED, seed))[1] for seed in (-1, None)]
        assert seeds[0] != seeds[1]
        assert min(seeds) >= 0

    @pytest.mark.parametrize("change", [{"sampler": "box"}, {"count": 5}, {"temperature": 0.3}])
    def test_every_control_changes_the_picture(self, change: dict) -> None:
        names = ("net", "length", "sampler", "count", "temperature")
        asked = dict(zip(names, self.ASKED, strict=True))
        before = next(tab_pad.walls(**asked, seed=7))[0]
        assert next(tab_pad.walls(**{**asked, **change}, seed=7))[0] != before

    def test_temperature_zero_gives_equal_digits(self) -> None:
        reply = tab_pad.sample_digits(VAE, "prior", 6, 0.0, 1)
        assert len({str(image) for image in reply["images"]}) == 1

    def test_bad_numbers_are_words_on_the_page(self) -> None:
        ((html, _),) = tab_pad.walls("dense", "2", "prior", 30, 99.0, 7)
        assert 'role="alert"' in html
        assert "Temperature 99 is out of range — " in html

    def test_copies_are_looked_for_only_where_the_data_are(self) -> None:
        *_, (html, _) = tab_pad.walls(*self.ASKED, 7)
        assert "MNIST is not on this machine" in html

    def test_neighbours_are_shown_where_the_data_are(self) -> None:
        frame = next(tabs.service.stream(tabs.FAMILY, checkpoint=VAE, seed=1, count=12))
        g = type("G", (), {})()
        g.nearest, g.count, g.reason = np.full((12, 3), 4.2), 12, ""
        g.neighbours = np.zeros((12, 3, 28, 28), np.uint8)
        g.real_nearest = 4.4
        html = pad_views.novelty("VAE", type("F", (), {"gauges": g, "images": frame.images})())
        assert html.count('class="ae-near"') == 4
        assert "4.2" in html


class TestPathAndSpace:
    def test_a_walk_has_two_films_and_two_rows_of_bars(self) -> None:
        html = pad_views.walk("dense, 2 numbers", "1", "7")
        assert html.count("<img") == 3
        assert html.count("<title>step ") == 18
        jump = plots.number(tabs.metric(VAE, "path_jump"))
        assert jump in text_of(html)

    def test_other_ends_give_another_film(self) -> None:
        one, other = (pad_views.walk("dense, 2 numbers", "1", end) for end in "70")
        assert one != other

    def test_the_plane_shows_the_vaes_own_numbers(self) -> None:
        html = pad_views.space("dense")
        assert html.count("<svg") == 3
        assert plots.number(tabs.metric(VAE, "test_kl")) in text_of(html)
        assert "source 4.61" in html

    def test_claims_are_judged_by_the_checkpoints_numbers(self) -> None:
        assert "reproduces" in claims.smooth()
        with_metrics("twin-ae-2", path_jump=1.0)
        assert "with its own nets" in claims.smooth()
        with_metrics("ae-dense-2", path_jump=1.0)
        assert "does not" in claims.smooth()

    def test_no_claim_number_is_typed_in(self) -> None:
        with_metrics("twin-ae-2", distance_1_7_ratio=9.87)
        assert "9.87" in claims.claims()


class TestUses:
    def ask(self, task: str, drawn: object = None, **changes: Any) -> str:
        asked = {
            "task": task,
            "drawn": pack(three()) if drawn is None else drawn,
            "kind": "gaussian",
            "level": 0.4,
            "seed": 0,
            "net": "ae-dense-32",
            "cut": 95.0,
        }
        return tab_uses.show(*{**asked, **changes}.values())

    def test_the_sheets_value_is_784_bytes(self) -> None:
        assert (pixels(pack(three())) == three()).all()

    @pytest.mark.parametrize("bad", ["", "not base64!", "AAAA", 7, None, ["x"]])
    def test_a_broken_sheet_is_words(self, bad: object) -> None:
        with pytest.raises(UserError, match=" — "):
            pixels(bad)
        html = tab_uses.show("squeeze", bad, "gaussian", 0.4, 0, "ae-dense-32", 95)
        assert 'role="alert"' in html

    def test_squeeze_shows_every_waist(self) -> None:
        html = self.ask("squeeze")
        for words in ("2 numbers", "8 numbers", "32 numbers", "64 numbers", "Save PNG"):
            assert words in html
        assert "comes back like a digit" in html

    def test_the_error_falls_with_the_waist(self) -> None:
        errors = [float(tabs.see(n, three()[None]).error[0]) for n in use_views.WIDTHS.values()]
        assert errors[0] > errors[1] > errors[2]

    def test_an_intruder_lights_the_lamp(self) -> None:
        stripes = np.zeros((28, 28), np.uint8)
        stripes[::4] = 255
        assert "ae-lamp bad" in self.ask("squeeze", pack(stripes))
        assert "ae-lamp good" in self.ask("squeeze")

    def test_noise_changes_the_psnr(self) -> None:
        found = [re.search(r"PSNR <b>([\d.]+)", self.ask("clean", level=x)) for x in (0.2, 0.6)]
        low, high = (float(m[1]) for m in found if m)
        assert low > high

    @pytest.mark.parametrize("kind", ["gaussian", "salt-pepper", "mask", "lines"])
    def test_every_noise_draws(self, kind: str) -> None:
        html = self.ask("clean", kind=kind)
        assert html.count("<img") == 6
        seen = "learnt from this kind" in html
        assert seen == (kind == "gaussian")

    def test_the_threshold_moves_the_words_and_the_line(self) -> None:
        low, high = self.ask("odd", cut=60.0), self.ask("odd", cut=99.0)
        assert "<b>40.0 %</b> of real" in low
        assert "<b>1.0 %</b> of real" in high
        assert low != high

    def test_the_left_out_digit_is_judged_by_its_measured_auc(self) -> None:
        auc = tabs.metrics("ae-no-ones")["left_out"]["auc"]
        assert f"{auc:.3f}" in odd_views.left_out_card()
        with_metrics("ae-no-ones", left_out={"auc": 0.9, "error": 30.0, "error_others": 10.0})
        assert "It stands out." in odd_views.left_out_card()

    def test_share_above_counts_the_split_bin_in_proportion(self) -> None:
        counts, edges = np.array([10, 10]), np.array([0.0, 1.0, 2.0])
        assert odd_views.share_above(counts, edges, 0.5) == pytest.approx(0.75)
        assert np.isnan(odd_views.share_above(np.zeros(2), edges, 0.5))

    def test_only_the_tasks_knobs_are_in_sight(self) -> None:
        clean, odd = tab_uses.knobs("odd")
        assert (clean.visible, odd.visible) == (False, True)

    def test_the_defects_are_measured(self) -> None:
        html = defect_views.defects("ae-dense-2", 1.5)
        inside = f"{tabs.metric('ae-dense-2', 'inside_1.5'):.0%}"
        assert inside in html
        assert defect_views.defects("ae-dense-2", 9.0) != html
        for number in "123":
            assert f"{number} · " in html

    def test_the_convolutional_one_prints_its_codes(self) -> None:
        html = use_views.conv()
        z = tabs.see("ae-conv", tabs.ten()[:1]).mu[0]
        assert f"{z[0]:.1f}, {z[1]:.1f}" in html
        assert html.count("<img") == 21
        assert "data-press" in html

    def test_the_shelf_names_its_source(self) -> None:
        rows = tab_uses.shelf()
        assert len(rows) >= 10
        assert "scikit-learn" in rows[0][0]
        assert rows[-1][2].startswith("Letter")
