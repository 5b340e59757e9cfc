"""The Tokens lab as a person uses it, and its endpoints."""

import json
import re
import urllib.request

import pytest
from gradio_client import Client
from playwright.sync_api import expect

FITS = "document.documentElement.scrollWidth <= window.innerWidth"
CARDS = ("bench", "merges", "bytes", "vectors")


def opened(visit, more=""):  # type: ignore[no-untyped-def]
    page = visit.open(f"/text?tab=tokens{more}")
    for card in CARDS:
        expect(page.locator(f"#tokens-{card} .tok[data-ready]")).to_be_visible(timeout=60_000)
    return page


def fact(page, splitter: str, name: str):  # type: ignore[no-untyped-def]
    return page.locator(f'#tokens-bench [data-splitter="{splitter}"] [data-fact="{name}"]')


def test_the_story(visit) -> None:  # type: ignore[no-untyped-def]
    page = opened(visit)
    expect(page.locator("#tokens-bench [data-splitter]")).to_have_count(9)
    expect(fact(page, "gpt-mini", "tokens")).to_contain_text("28")
    expect(fact(page, "word", "unknown")).to_contain_text("3 · 100 %")
    expect(page.locator("#tokens-bytes .legend")).to_contain_text("22 characters, 34 bytes")
    held = page.locator("#tokens-bytes .streams dd")
    expect(held.nth(0)).to_contain_text("\ufffd\ufffd")
    expect(held.nth(2)).to_have_text("F0 9F")
    expect(page.locator("#tokens-vectors .verdict")).to_have_text("“girl” is the closest of all.")
    # type: bench and bytes follow
    page.locator("#tokens-text textarea").fill("the fox")
    expect(fact(page, "gpt-mini", "tokens")).to_contain_text("2")
    expect(page.locator("#tokens-bytes .legend")).to_contain_text("7 characters, 7 bytes")
    pieces = page.locator('#tokens-bench [data-splitter="gpt-mini"] .pieces')
    pieces.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tokens-bench .read")).to_contain_text("token 2 of 2: “·fox”, id 2070")


def test_merges_are_played(visit) -> None:  # type: ignore[no-untyped-def]
    page = opened(visit)
    lab = page.locator("#tokens-merges")
    expect(lab.locator("output")).to_contain_text("merge 4 of 10 · 15 tokens known")
    expect(lab.locator(".pair.best")).to_have_text("lo+w7")
    slider = lab.get_by_role("slider", name="Merge")
    slider.focus()
    page.keyboard.press("Home")
    expect(lab.locator(".pair.best")).to_have_text("e+s9")
    lab.get_by_role("button", name="Play the merges").click()
    expect(lab.locator(".log li")).to_have_count(10)
    expect(lab.locator(".log li").last).to_have_text("w + i → wi3")
    expect(lab.locator(".fresh .pieces .piece")).to_have_text(["low", "est⟂"])
    lab.get_by_role("button", name="One merge back").click()
    lab.get_by_label("A new word").fill("newer")
    expect(lab.locator(".fresh .pieces .piece")).to_have_text(["new", "e", "r", "⟂"])
    page.wait_for_url(re.compile(r"tokens\.step=9.*tokens\.word=newer"))
    page = opened(visit, page.url.split("tab=tokens")[1])
    expect(page.locator("#tokens-merges output")).to_contain_text("merge 9 of 10")
    expect(page.locator("#tokens-merges .fresh .piece")).to_have_count(4)


def test_vectors_and_a_link(visit) -> None:  # type: ignore[no-untyped-def]
    page = opened(visit, "&tokens.query=happy&tokens.text=red+fox")
    lab = page.locator("#tokens-vectors")
    expect(lab.locator(".tok[data-query=happy]")).to_be_visible()
    expect(fact(page, "word", "tokens")).to_contain_text("2")
    lab.get_by_role("button", name="Neighbours of angry").click()
    expect(page.locator("#vectors-query textarea, #vectors-query input")).to_have_value("angry")
    expect(lab.locator(".tok[data-query=angry]")).to_be_visible()
    page.locator("#vectors-query").locator("textarea, input").fill("xylophonist")
    expect(lab.locator(".trouble")).to_contain_text("is not one token of GPT-mini — try")
    page.locator("#tokens-text textarea").fill("  ")
    expect(page.locator("#tokens-bench .trouble")).to_have_text(
        "The text is empty — write a word or two."
    )


@pytest.mark.parametrize("visit", ["phone"], indirect=True)
def test_on_a_phone(visit) -> None:  # type: ignore[no-untyped-def]
    page = opened(visit)
    for fold in ("The embedding layer", "What to notice"):
        page.get_by_role("button", name=re.compile(fold)).click()
    expect(page.locator("#tokens-lookup .row")).to_have_count(12)
    assert page.evaluate(FITS)


def test_over_http(app) -> None:  # type: ignore[no-untyped-def]
    client = Client(app.url, verbose=False)
    found = client.predict("🙂", api_name="/tokenize")
    assert found["tokens"] == ["\\xf0", "\\x9f", "\\x99", "\\x82"]
    assert found["back"] == "🙂"
    learned = client.predict("low low lower", 2, api_name="/bpe_merges")
    assert [m[:3] for m in learned["merges"]] == [["l", "o", 3], ["lo", "w", 3]]
    assert client.predict("й", api_name="/utf8_bytes")["totals"]["bytes"] == 2
    near = client.predict("king - man + woman = queen", api_name="/nearest_tokens")
    assert near["rank"] == 1
    for text, words in (("", "is empty"), ("x" * 100_000, "100,000 characters")):
        for endpoint in ("/tokenize", "/bpe_merges", "/utf8_bytes"):
            with pytest.raises(Exception, match=words):
                client.predict(text, api_name=endpoint)


@pytest.mark.parametrize(
    ("endpoint", "rest"),
    [
        ("tokenize", '"gpt-mini", "stories", 1024, false, true, 1'),
        ("bpe_merges", '10, true, "first", ""'),
        ("nearest_tokens", '"gpt-mini", 10'),
        ("utf8_bytes", ""),
    ],
)
def test_half_a_character_over_http(app, endpoint: str, rest: str) -> None:  # type: ignore[no-untyped-def]
    # The client can't send it; a program that writes its JSON with escapes can.
    body = f'{{"data": ["a\\ud83d"{", " if rest else ""}{rest}]}}'.encode()
    address = f"{app.url}/gradio_api/call/{endpoint}"
    sent = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(sent, timeout=30) as answer:
        event = json.load(answer)["event_id"]
    with urllib.request.urlopen(f"{address}/{event}", timeout=30) as answer:
        assert "lone surrogate" in answer.read().decode()
