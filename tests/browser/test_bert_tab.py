"""The BERT tab as a person uses it, on the shipped model or on a tiny one."""

from collections.abc import Iterator
from typing import Any

import pytest
from conftest import ROOT, App, Visit

from genapp import checkpoints, registry
from genapp.spec import resolve
from genapp.trainer.loop import TrainConfig, Trainer

READY = "#bert-gaps .card li"


@pytest.fixture(scope="module")
def url(request, tmp_path_factory) -> Iterator[str]:  # type: ignore[no-untyped-def]
    """The app with the shipped model, or with a tiny one where it is not shipped yet."""
    if (ROOT / "checkpoints" / "bert" / "bert-mini" / "meta.json").exists():
        yield request.getfixturevalue("app").url
        return
    folder = tmp_path_factory.mktemp("bert")
    config = TrainConfig(steps=20, batch=16, lr=3e-3, eval_every=10)
    trainer = Trainer(resolve(registry.get("bert").recipe)("micro", config, None), config, folder)
    trainer.fit()
    trainer.finish()
    blobs = {p.name: p.read_bytes() for p in (folder / "best").iterdir()}
    checkpoints.write_folder(folder / "home" / "checkpoints" / "bert" / "bert-mini", blobs)
    running = App(folder)
    yield running.url
    running.close()


@pytest.fixture(params=["desktop"])
def page(url: str, browser, request) -> Iterator[Any]:  # type: ignore[no-untyped-def]
    """The tab with its first gap filled."""
    size = {"desktop": (1280, 900), "phone": (390, 844)}[request.param]
    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    context.set_default_timeout(60_000)
    visit = Visit(context.new_page(), url)
    opened = visit.open("/attention?tab=bert")
    opened.wait_for_selector(READY, timeout=120_000)
    yield opened
    context.close()
    assert not visit.complaints, visit.complaints


def gaps(page: Any, count: int) -> None:
    page.wait_for_selector(f"#bert-gaps .gaps[data-gaps='{count}']")


@pytest.mark.parametrize("page", ["desktop", "phone"], indirect=True)
def test_opens_with_an_answer(page: Any) -> None:
    assert page.locator(READY).count() == 10
    page.wait_for_selector("#bert-next .bt-bar")
    assert page.locator("#bert-inputs img").count() == 4
    page.wait_for_selector("#bert-corrupted mark")
    page.wait_for_selector("#bert-numbers svg")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_hiding_showing_and_putting_in(page: Any) -> None:
    gaps(page, 1)
    page.locator("#bert-gaps .tok:not(.gap)").first.click()
    gaps(page, 2)
    page.locator("#bert-gaps .tok.gap").first.click()
    gaps(page, 1)
    before = page.locator("#bert-a textarea").input_value()
    page.locator("#bert-gaps .card li button").nth(3).click()
    gaps(page, 0)
    page.wait_for_function(
        "(old) => document.querySelector('#bert-a textarea').value !== old", arg=before
    )
    page.get_by_text("Nothing is hidden.").wait_for()
    page.locator("#bert-gaps .tok").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    gaps(page, 1)


def test_a_written_mask_and_no_second_sentence(page: Any) -> None:
    page.locator("#bert-b textarea").fill("")
    page.locator("#bert-a textarea").fill("One [MASK] and two [MASK].")
    page.locator("#bert-a textarea").press("Enter")
    gaps(page, 2)
    page.get_by_text("With a sentence B").wait_for()
    assert "bert.a=" in page.url
    page.locator("#bert-a textarea").fill("")
    page.get_by_role("button", name="Read").click()
    page.get_by_text("There is no text").first.wait_for()


def test_corruption_follows_its_sliders(page: Any) -> None:
    page.wait_for_selector("#bert-corrupted mark")
    page.get_by_role("button", name="100 / 0 / 0").click()
    row = "#bert-corrupted tr:has(mark.masked) td:last-child"
    page.wait_for_function(f"document.querySelector('{row}').textContent === '100.0 %'")
    page.locator("#bert-rate input[type=number]").fill("0")
    page.locator("#bert-rate input[type=number]").press("Enter")
    page.wait_for_function(f"document.querySelector('{row}').textContent === '—'")


def test_the_game_counts(page: Any) -> None:
    page.wait_for_selector("#bert-choice label")
    page.locator("#bert-choice label").first.click()
    page.get_by_text("1 rounds:").wait_for()
    assert page.locator("#bert-result .bt-bar").count() == 4
    page.get_by_role("button", name="Another").click()
    page.get_by_text("Choose, then see").wait_for()


def test_one_word_two_sentences(page: Any) -> None:
    page.get_by_role("tab", name="Words in context").click()
    page.wait_for_selector("#bert-cosines svg")
    cells = page.locator("#bert-cosines td:nth-child(2)").all_text_contents()
    assert cells[0] == "1.000"
    assert float(cells[-1]) < 0.999
    page.locator("#bert-layer input[type=number]").fill("1")
    page.locator("#bert-layer input[type=number]").press("Enter")
    page.get_by_text("BERT, layer 1").wait_for()
    page.locator("#bert-word textarea, #bert-word input").first.fill("zebra")
    page.get_by_role("button", name="Compare").first.click()
    page.get_by_text("does not stand in").first.wait_for()


def test_sentences_as_vectors(page: Any) -> None:
    page.get_by_role("tab", name="Sentences").click()
    page.wait_for_selector("#bert-matrix .bt-heat td")
    diagonal = page.locator("#bert-matrix tr:nth-child(2) td:nth-child(2)").text_content()
    assert diagonal == "1.00"
    page.get_by_role("button", name="long and short").click()
    page.wait_for_function("document.querySelectorAll('#bert-matrix circle').length === 4")
    before = page.locator("#bert-matrix").text_content()
    page.get_by_role("radio", name="max").check()
    page.wait_for_function(
        "(old) => document.querySelector('#bert-matrix').textContent !== old", arg=before
    )


def test_a_link_opens_a_sub_tab(page: Any, url: str) -> None:
    page.goto(
        f"{url}/attention?tab=bert&bert.sub=words&bert.word=fox&bert.one=A+fox.&bert.two=The+fox+ran."
    )
    page.wait_for_selector("#bert-cosines svg:visible")
    page.get_by_text("cosine of “fox”").wait_for()


def test_endpoints(url: str) -> None:
    from gradio_client import Client

    client = Client(url, verbose=False)
    told = client.predict("The [MASK] ran.", "It was fast.", 5, api_name="/fill_mask")
    (gap,) = told["gaps"]
    assert told["tokens"][gap["place"]] == "[MASK]"
    assert len(gap["guesses"]) == 5
    p = client.predict("The [MASK] ran.", "It was fast.", api_name="/next_sentence")
    assert p == pytest.approx(told["p_next"], abs=1e-4)
    made = client.predict(["A fox.", "The crow sang."], "mean", api_name="/sentence_vectors")
    assert made["cosines"][0][0] == pytest.approx(1, abs=1e-5)
    with pytest.raises(Exception, match="Pooling"):
        client.predict(["A fox."], "sum", api_name="/sentence_vectors")


@pytest.mark.parametrize("page", ["phone"], indirect=True)
def test_a_link_finds_a_sub_tab_that_a_phone_hides(page: Any, url: str) -> None:
    page.goto(f"{url}/attention?tab=bert&bert.sub=sentences")
    page.wait_for_selector("#bert-matrix svg:visible")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
