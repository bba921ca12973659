"""A real browser for the tests of pages: Chromium, without a window and without a network."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@dataclass
class Watched:
    """A page, and what went wrong on it or was asked for by it."""

    page: Page
    problems: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; where there is none, the tests are left out and say so, unless they must run."""
    found = next((path for path in map(shutil.which, NAMES) if path), None)
    if found is None:
        told = f"no browser: none of {', '.join(NAMES)} is installed (Debian: apt install chromium)"
        if os.environ.get("KEYROTA_BROWSER") == "required":
            pytest.fail(told)
        pytest.skip(told)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    """A new page that records console errors, errors of scripts, and every request but of pictures inside."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    own = Watched(context.new_page())
    own.page.on(
        "console", lambda said: own.problems.append(said.text) if said.type in ("error", "warning") else None
    )
    own.page.on("pageerror", lambda error: own.problems.append(str(error)))
    own.page.on("request", lambda asked: own.requests.append(asked.url))
    yield own
    context.close()
