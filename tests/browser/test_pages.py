"""Home and Train, as a visitor meets them."""

import re

import pytest
from playwright.sync_api import expect

PHONE = pytest.mark.parametrize("visit", ["phone"], indirect=True)
FITS = "document.documentElement.scrollWidth <= window.innerWidth"


def test_home_shows_what_the_models_made(visit) -> None:  # type: ignore[no-untyped-def]
    page = visit.open("/")
    page.wait_for_function(
        "[...document.querySelectorAll('.cards img')].length > 1 &&"
        "[...document.querySelectorAll('.cards img')].every(i => i.naturalWidth > 60)",
        timeout=60_000,
    )
    page.click(".cards a[data-family=autoencoders]")
    page.wait_for_url(re.compile(r"/latent\?tab=pad"))


def test_navigation_marks_the_page(visit) -> None:  # type: ignore[no-untyped-def]
    page = visit.open("/")
    for route in page.eval_on_selector_all("#frame nav a", "links => links.map(a => a.href)"):
        page.goto(route)
        expect(page.locator("#frame nav a[aria-current]")).to_have_count(1)
        assert page.locator("#frame nav a[aria-current]").get_attribute("href") in {
            "./", route.rsplit("/", 1)[1],
        }  # fmt: skip


def test_light_and_dark_are_remembered(visit) -> None:  # type: ignore[no-untyped-def]
    page = visit.open("/")
    page.click("[data-theme-switch]")
    expect(page.locator("body")).to_have_class(re.compile(r"\bdark\b"))
    visit.open("/train")
    expect(page.locator("body")).to_have_class(re.compile(r"\bdark\b"))


@PHONE
@pytest.mark.parametrize("path", ["/", "/train"])
def test_nothing_overflows_a_phone(visit, path: str) -> None:  # type: ignore[no-untyped-def]
    page = visit.open(path)
    page.wait_for_selector("#foot")
    assert page.evaluate(FITS)


def test_a_run_outlives_its_tab(visit) -> None:  # type: ignore[no-untyped-def]
    page = visit.open("/train")
    page.get_by_label("Family").wait_for()
    page.get_by_label("Steps").fill("200000")
    page.get_by_role("button", name="Start training").click()
    expect(page.locator(".rv-numbers")).to_contain_text("200,000", timeout=60_000)
    page.wait_for_url(re.compile(r"[?&]run="))
    expect(page.locator(".rv-film")).to_be_visible(timeout=90_000)  # a preview is there
    address = page.url
    page.goto("about:blank")

    page.goto(address)
    expect(page.locator(".rv-run")).to_be_visible(timeout=30_000)
    done = page.evaluate("document.querySelector('.rv-numbers').textContent")
    page.wait_for_function(
        "text => document.querySelector('.rv-numbers').textContent !== text", arg=done
    )
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator(".rv-run")).to_contain_text("stopped", timeout=60_000)
    expect(page.get_by_role("button", name="Resume", exact=True)).to_be_visible()
