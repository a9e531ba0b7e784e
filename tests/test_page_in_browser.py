"""The page in headless Chromium: `make test-browser`. CHROMIUM names another one than the first on PATH."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from model.objectives.causal import Causal
from model.objectives.masked import Masked
from page.build import build
from tasks.triples import Triples
from tests.running import tiny
from tests.test_page import write_table
from train.run import train_run

pytestmark = pytest.mark.browser
CHROMIUM = os.environ.get("CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None
)
SIZES = {"lecture": (1280, 720), "phone": (390, 844)}
COMPARE = Path(__file__).parent.parent / "docs" / "compare.csv"


@pytest.fixture(scope="module")
def page_file(tmp_path_factory) -> Path:
    """A page of tiny runs with two saved steps, a table of odd names, and a chart."""
    folder = tmp_path_factory.mktemp("page")
    for name, objective in (("causal", Causal()), ("masked", Masked())):
        config = tiny(objective)
        train_run(replace(config, train=replace(config.train, save_every=2, keep=4)), name, root=folder)
        train_run(replace(config, task=Triples(**write_table(folder))), f"table-{name}", root=folder)
    tabs = {
        "ask": [folder / "causal", folder / "masked"],
        "prompt": [folder / "causal"],
        "facts": [folder / "table-causal", folder / "table-masked"],
    }
    file = folder / "page.html"
    file.write_text(build(tabs, {"ask": 4}, [COMPARE], "page"))
    return file


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


@pytest.fixture(params=[(size, theme) for size in SIZES for theme in ("light", "dark")], ids="-".join)
def shown(request, browser, page_file):
    """The page as it is opened from disk. At the end: no error was logged, and nothing but the file was asked for."""
    size, theme = request.param
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
    tab, errors, requests = context.new_page(), [], []
    tab.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("request", lambda request: requests.append(request.url))
    tab.on("dialog", lambda dialog: errors.append(f"dialog: {dialog.message}"))
    tab.goto(page_file.as_uri())
    tab.wait_for_selector("[data-ready]")
    yield tab
    assert errors == []
    assert requests == [page_file.as_uri()]
    context.close()


def open_tab(tab, title: str) -> None:
    tab.get_by_role("tab", name=title).click()
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{title} is wider than the screen"


def names(tab) -> list[str]:
    """The predictions that are shown."""
    return tab.locator(".bars bdi").all_inner_texts()


def test_a_question_is_asked_by_clicking_and_by_typing(shown):
    assert len(names(shown)) == 10  # an answer of both is there already
    asked = shown.locator(".fact dd").last.inner_text()
    shown.get_by_role("button", name="another fact").click()
    assert shown.locator(".fact dd").last.inner_text() != asked
    source, relation, _ = shown.locator(".fact dd").first.inner_text().split()
    shown.get_by_label("a question of your own").fill(f"{source.upper()} {relation} ___")
    shown.get_by_label("a question of your own").press("Enter")
    assert shown.locator(".fact dd").last.inner_text().split()[:2] == [source, relation]
    shown.get_by_label("a question of your own").fill("nobody knows _")
    shown.get_by_label("a question of your own").press("Enter")
    assert "write a name" in shown.get_by_role("status").inner_text()


def test_all_names_are_tried_and_the_inside_is_shown(shown):
    shown.get_by_role("button", name="try all").first.click()
    assert len(names(shown)) == 15
    shown.locator("summary").first.click()
    shown.wait_for_selector(".head svg rect title", state="attached")
    assert shown.locator(".lens dt").all_inner_texts()[0] == "after the embedding"


def test_the_rank_of_the_right_name_is_shown(shown):
    for card in shown.locator(".card").all():
        right = shown.locator(".fact dd").first.inner_text().split()[0]
        assert card.get_by_text(f"right: {right}, rank ").count() == 1


def test_facts_in_the_prompt_are_edited_and_the_answer_follows(shown):
    open_tab(shown, "Facts in the prompt")
    before = shown.locator(".bars .share").all_inner_texts()
    shown.locator(".context select").nth(3).select_option(index=2)
    assert shown.locator(".bars .share").all_inner_texts() != before
    facts = shown.locator(".context li").count()
    shown.get_by_role("button", name="remove this fact").first.click()
    assert shown.locator(".context li").count() == facts - 1


def test_the_slider_moves_through_training(shown):
    open_tab(shown, "When it came")
    last = shown.locator(".verdict").all_inner_texts()
    shown.get_by_label("saved step").fill("0")
    assert shown.locator(".verdict").all_inner_texts() != last
    assert shown.locator("svg path").count() >= 3  # causal: forward, inverse; masked: both


def test_charts_are_drawn(shown):
    open_tab(shown, "What was found")
    shown.wait_for_selector(".chart svg")
    box = shown.locator(".chart svg").first.bounding_box()
    assert box["x"] + box["width"] <= shown.viewport_size["width"]
    assert shown.locator(".chart h2").all_inner_texts() == ["Causal against bidirectional"]


def test_odd_names_are_text(shown):
    open_tab(shown, "Real facts")
    seen = set()
    for _ in range(8):
        seen |= set(names(shown))
        shown.get_by_role("button", name="another fact").click()
    assert "<script>alert(1)</script>" in seen | set(shown.locator(".fact bdi").all_inner_texts())
    assert shown.locator("main img, main script, main b").count() == 0


def test_a_keyboard_is_enough(shown):
    shown.get_by_role("tab").first.focus()
    for title in shown.get_by_role("tab").all_inner_texts()[1:]:
        shown.keyboard.press("ArrowRight")
        assert shown.locator("[aria-selected=true]").inner_text() == title
    shown.locator("#theme").focus()
    theme = shown.evaluate("document.documentElement.dataset.theme")
    shown.keyboard.press("Enter")
    assert shown.evaluate("document.documentElement.dataset.theme") != theme
