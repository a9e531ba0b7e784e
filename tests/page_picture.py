"""The picture of the README: `python -m tests.page_picture page.html docs/page.png`, the page as Chromium shows it."""

import sys
from pathlib import Path

from tests.test_page_in_browser import CHROMIUM, SIZES


def picture(page: Path, file: Path) -> None:
    """Writes the first screen of the page, at the size of a lecture hall's screen."""
    from playwright.sync_api import sync_playwright

    width, height = SIZES["lecture"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": width, "height": height}, color_scheme="light")
        tab.goto(page.absolute().as_uri())
        tab.wait_for_selector("[data-ready]")
        tab.screenshot(path=file)


if __name__ == "__main__":
    picture(Path(sys.argv[1]), Path(sys.argv[2]))
