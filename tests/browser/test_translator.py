"""The Translator as a person uses it, on the shipped models or on tiny ones."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, App, Visit

from genapp import checkpoints, registry
from genapp.families.seq2seq.tab_write import EXAMPLES, MODELS
from genapp.spec import resolve
from genapp.trainer.loop import TrainConfig, Trainer

DONE = "#translator-map .align[data-status=done]"
ROWS = "Number(document.querySelector('#translator-map .align').dataset.rows)"
SAID = "document.querySelector('#translator-map .align .said').textContent"
INK = """() => {
  const c = document.querySelector('#translator-map .align canvas');
  return new Set(new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size;
}"""  # noqa: E501


@pytest.fixture(scope="module")
def url(request, tmp_path_factory) -> Iterator[str]:  # type: ignore[no-untyped-def]
    """The app with the shipped models, or with tiny ones where they are not shipped yet."""
    shipped = [ROOT / "checkpoints" / f / n / "meta.json" for f, n in MODELS.values()]
    if all(path.exists() for path in shipped):
        yield request.getfixturevalue("app").url
        return
    folder = tmp_path_factory.mktemp("translator")
    make_checkpoints(folder)
    running = App(folder)
    yield running.url
    running.close()


def make_checkpoints(folder: Path) -> None:
    for family in ("seq2seq", "transformer"):
        spec = registry.get(family)
        base = spec.presets["micro"].train["cpu"]
        config = TrainConfig(**{**base, "steps": 30, "eval_every": 30})  # type: ignore[arg-type]
        trainer = Trainer(resolve(spec.recipe)("micro", config, None), config, folder / family)
        trainer.fit()
        trainer.finish()
        blobs = {p.name: p.read_bytes() for p in (folder / family / "best").iterdir()}
        for name in [n for f, n in MODELS.values() if f == family]:
            checkpoints.write_folder(folder / "home" / "checkpoints" / family / name, blobs)
    plain = folder / "home" / "checkpoints" / "seq2seq" / "mt-gru-plain"
    made = checkpoints.load(plain)
    config = {**made.meta.config, "summary": "last"}
    model = resolve(registry.get("seq2seq").model)(config)
    meta = replace(made.meta, config=config)
    checkpoints.save(plain, model.state_dict(), meta, made.files)


@pytest.fixture(params=["desktop"])
def page(url: str, browser, request) -> Iterator[Any]:  # type: ignore[no-untyped-def]
    """The tab with its first translation drawn."""
    size = {"desktop": (1280, 900), "phone": (390, 844)}[request.param]
    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    context.set_default_timeout(60_000)
    visit = Visit(context.new_page(), url)
    opened = visit.open("/attention?tab=translator")
    opened.wait_for_selector(DONE, timeout=120_000)
    opened.wait_for_selector("#translator-three h4")
    yield opened
    context.close()
    assert not visit.complaints, visit.complaints


@pytest.mark.parametrize("page", ["desktop", "phone"], indirect=True)
def test_opens_with_a_translation(page: Any) -> None:
    assert page.evaluate(ROWS) > 1
    assert page.evaluate(INK) > 10
    assert page.evaluate(SAID).strip()
    assert page.locator("#translator-three h4").count() == 3
    assert page.locator("#translator-chart polyline").count() == 3
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0


def test_choosing_a_row_names_its_sources(page: Any) -> None:
    canvas = page.locator("#translator-map .align canvas")
    canvas.focus()
    page.keyboard.press("ArrowUp")
    page.wait_for_function(
        "document.querySelector('#translator-map .align .spoken').textContent.includes('%')"
    )
    before = page.evaluate("document.querySelector('#translator-map .align .tops').textContent")
    page.keyboard.press("ArrowUp")
    page.wait_for_function(
        "(old) => document.querySelector('#translator-map .align .tops').textContent !== old",
        arg=before,
    )
    box = canvas.bounding_box()
    canvas.hover(position={"x": box["width"] - 12, "y": box["height"] - 12})
    page.wait_for_function(
        "/: 0\\.\\d{4}/.test(document.querySelector('#translator-map .align .read').textContent)"
    )


def test_without_attention_a_vector_is_all_there_is(page: Any) -> None:
    page.get_by_role("radio", name="no attention").check()
    page.wait_for_selector("#translator-map .align .vector i")
    page.get_by_role("radio", name="Transformer").check()
    page.wait_for_selector("#translator-map .align canvas")
    page.wait_for_selector(DONE)


def test_step_by_step(page: Any) -> None:
    page.get_by_role("button", name="Step").click()
    page.wait_for_function(f"{ROWS} === 1")
    page.get_by_role("button", name="Step").click()
    page.wait_for_function(f"{ROWS} === 2")
    page.get_by_role("button", name="Translate").click()
    page.wait_for_selector(DONE)
    assert page.evaluate(ROWS) >= 2


def test_aligning_the_reference_scores_100(page: Any) -> None:
    page.locator("#translator-text textarea").fill("я вижу дом.")
    page.locator("#translator-reference textarea").fill("I see the house.")
    page.get_by_label("Align the reference").check()
    page.wait_for_function(
        "document.querySelector('#translator-score').textContent.includes('100 BLEU')"
    )


def test_another_language_brings_its_sentences(page: Any) -> None:
    page.get_by_role("radio", name="German").check()
    wanted = EXAMPLES["German"][0][0]
    page.wait_for_function(
        "(t) => document.querySelector('#translator-text textarea').value === t", arg=wanted
    )
    page.locator("#translator-examples button", has_text=EXAMPLES["German"][2][0]).first.click()
    page.wait_for_function(
        "(t) => document.querySelector('#translator-text textarea').value === t",
        arg=EXAMPLES["German"][2][0],
    )
    assert "translator.language=German" in page.url


def test_the_folds_show_what_they_measured(page: Any) -> None:
    page.get_by_role("button", name="Alignment gallery").click()
    page.wait_for_selector("#gallery-map .align[data-status=done]")
    page.wait_for_function("document.querySelectorAll('#gallery-table tr').length === 7")
    before = page.locator("#gallery-words").inner_text()
    assert "words agree" in before
    outlined = page.evaluate(INK.replace("#translator-map", "#gallery-map"))
    assert outlined > 10
    page.get_by_role("radio", name="der, die, das").check()
    page.wait_for_function(
        "(old) => { const now = document.querySelector('#gallery-words').innerText; "
        "return now.includes('article') && now !== old; }",
        arg=before,
    )
    page.get_by_role("button", name="What a KV cache saves").click()
    page.wait_for_selector("#pace-table td")
    page.get_by_role("radio", name="step by step, no cache").check()
    page.wait_for_function(
        "document.querySelector('#pace-map .note').textContent.includes('from the one-pass map')"
    )
    page.get_by_role("button", name="Two attentions").click()
    page.wait_for_selector("#two-view .own")
    page.get_by_label("Shuffle what is remembered").check()
    page.get_by_text("Source, shuffled").wait_for()
    page.get_by_role("radio", name="source only (GRU)").check()
    page.wait_for_function("!document.querySelector('#two-view .own')")
    page.get_by_role("button", name="A batch and its pads").click()
    page.wait_for_selector("#batch-view .out")
    page.get_by_label("Mask the pads").uncheck()
    page.wait_for_function("!document.querySelector('#batch-view .out')")


def test_an_empty_sentence_is_told_in_words(page: Any) -> None:
    page.locator("#translator-text textarea").fill("")
    page.get_by_role("button", name="Translate").click()
    page.get_by_text("type a sentence.").wait_for()


def test_endpoint(url: str) -> None:
    from gradio_client import Client

    told = Client(url, verbose=False).predict("я вижу дом.", "attention", api_name="/translate")
    assert told["text"]
    assert len(told["attention"]) == len(told["pieces"])
