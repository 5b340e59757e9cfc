"""The Measures lab as a person uses it, its endpoint, and the timeline on Home."""

import csv
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from gradio_client import Client
from playwright.sync_api import expect

FITS = "document.documentElement.scrollWidth <= window.innerWidth"
CAT = "the cat sat on the mat"


HERE = "/attention?tab=measures&measures.encoder=gpt/gpt-mini"


def opened(visit, path=HERE):  # type: ignore[no-untyped-def]
    page = visit.open(path)
    expect(page.locator("#measures-lab .map circle").first).to_be_visible(timeout=60_000)
    return page


def shown(page, measure: str, column: str = "now") -> float:  # type: ignore[no-untyped-def]
    cell = page.locator(f"#measures-lab [data-measure={measure}] td.{column}")
    return float(re.sub("[▲▼]", "", cell.inner_text()).replace("−", "-"))


def choose(page, preset: str, pair: str) -> None:  # type: ignore[no-untyped-def]
    page.get_by_role("button", name=preset, exact=True).click()
    expect(page.locator(f'#measures-lab [data-pair="{pair}"]')).to_be_visible()


def test_the_story(visit) -> None:  # type: ignore[no-untyped-def]
    page = opened(visit)
    lab = page.locator("#measures-lab")
    # open with a result: identical → synonym
    assert shown(page, "bleu", "was") == 100
    assert shown(page, "bleu") == pytest.approx(53.7)
    synonym = shown(page, "f1")
    assert 0.5 < synonym < 1
    expect(lab.locator(".summary")).to_contain_text("BLEU fell by 46.3")
    choose(page, "cat → dog", f"the dog sat on the mat | {CAT}")
    assert shown(page, "f1", "was") == synonym
    assert shown(page, "bleu") == shown(page, "bleu", "was") == pytest.approx(53.7)
    expect(page.locator("#measures-candidate textarea")).to_have_value("the dog sat on the mat")
    choose(page, "negation", f"the cat never sat on the mat | {CAT}")
    P, R = shown(page, "precision"), shown(page, "recall")
    assert P < R
    page.get_by_role("button", name="Swap").click()
    expect(page.locator("#measures-reference textarea")).to_have_value(
        "the cat never sat on the mat"
    )
    expect(lab.locator(f'[data-pair^="{CAT} |"]')).to_be_visible()
    assert (shown(page, "precision"), shown(page, "recall")) == (R, P)


def test_switches_and_the_link(visit) -> None:  # type: ignore[no-untyped-def]
    page = opened(visit)
    lab = page.locator("#measures-lab")
    plain = shown(page, "f1")
    lab.get_by_label("Rescale").check()
    rescaled = shown(page, "f1")
    assert rescaled < plain - 0.1
    bars = lab.locator(".map rect").count()
    lab.get_by_label("IDF weights").check()
    assert shown(page, "f1") != rescaled
    assert lab.locator(".map rect").count() > bars
    slider = lab.get_by_role("slider", name="Layer")
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    expect(lab.locator("output")).to_have_text("0 of 4, embeddings")
    lowest = shown(page, "f1")
    page.locator("#measures-candidate textarea").fill("a cat sat there")
    page.locator("#measures-candidate textarea").press("Enter")
    expect(lab.locator(f'[data-pair="a cat sat there | {CAT}"]')).to_be_visible()
    assert shown(page, "f1", "was") == lowest
    now = shown(page, "f1")
    page.wait_for_url(re.compile(r"measures\.candidate=a\+cat"))
    link = page.url.removeprefix(visit.url)
    page = opened(visit, link)
    expect(page.locator("#measures-candidate textarea")).to_have_value("a cat sat there")
    expect(lab.locator("output")).to_have_text("0 of 4, embeddings")
    expect(lab.get_by_label("Rescale")).to_be_checked()
    assert shown(page, "f1") == now


def test_keys_table_and_downloads(visit, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    page = opened(visit)
    lab = page.locator("#measures-lab")
    lab.locator(".map").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(lab.locator(".map .mark path[marker-end]")).to_have_count(2)
    expect(lab.locator("[aria-live]")).to_contain_text("is closest to")
    lab.get_by_text("The cosines as a table").click()
    rows = lab.locator(".cosines tr")
    assert rows.count() == 9  # head and 8 tokens: the f el ine sat on the mat
    with page.expect_download() as download:
        lab.get_by_role("button", name=".csv").click()
    download.value.save_as(tmp_path / "m.csv")
    lines = list(csv.reader((tmp_path / "m.csv").open(encoding="utf-8")))
    first = float(rows.nth(1).locator("td").first.inner_text())
    assert float(lines[1][1]) == pytest.approx(first, abs=1e-3)
    assert json.loads(lines[-1][0])["candidate"] == "the feline sat on the mat"
    with page.expect_download() as download:
        lab.get_by_role("button", name=".svg").click()
    download.value.save_as(tmp_path / "c.svg")
    picture = (tmp_path / "c.svg").read_text("utf-8")
    assert picture.startswith("<svg xmlns")
    assert ElementTree.fromstring(picture).tag.endswith("svg")


def test_an_empty_sentence_is_told(visit) -> None:  # type: ignore[no-untyped-def]
    page = opened(visit)
    page.locator("#measures-reference textarea").fill("  ")
    page.get_by_role("button", name="Score", exact=True).click()
    expect(page.get_by_text("A text is empty — write a sentence.").first).to_be_visible()


@pytest.mark.parametrize("visit", ["phone"], indirect=True)
def test_on_a_phone(visit) -> None:  # type: ignore[no-untyped-def]
    page = opened(visit)
    for fold in ("Which measure sees what", "Encoder, decoder or both"):
        page.get_by_role("button", name=re.compile(fold)).click()
    expect(page.get_by_text("A paraphrase scorer, not embedding regression")).to_be_visible()
    expect(page.get_by_role("link", name="CCNet")).to_be_visible()
    assert page.evaluate(FITS)
    page = visit.open("/")
    page.locator(".timeline").scroll_into_view_if_needed()
    assert page.evaluate(FITS)
    assert page.locator(".timeline ul li").count() == 23
    page.locator(".timeline").get_by_role("link", name="Transformer").click()
    expect(page).to_have_url(re.compile(r"attention\?tab=mechanics"))
    expect(page.locator("#matrix-lab")).to_be_visible()


def test_over_http(app) -> None:  # type: ignore[no-untyped-def]
    client = Client(app.url, verbose=False)
    scores = client.predict(CAT, CAT, api_name="/text_scores")
    assert scores["bleu"] == pytest.approx(100)
    assert scores["bertscore_f1"] == pytest.approx(1, abs=1e-4)
    with pytest.raises(Exception, match="no layer 40"):
        client.predict(CAT, CAT, layer=40, api_name="/text_scores")
