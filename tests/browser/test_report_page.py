"""The report page in a real browser: nothing is loaded, nothing overflows, everybody can read it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from keyrota.cli.boundary import run

ROOT = Path(__file__).resolve().parents[2]
_spec = importlib.util.spec_from_file_location(
    "hostile_text", ROOT / "tests" / "robustness" / "test_hostile_text.py"
)
assert _spec is not None
assert _spec.loader is not None
hostile_text = importlib.util.module_from_spec(_spec)
sys.modules["hostile_text"] = hostile_text
_spec.loader.exec_module(hostile_text)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A page of each: a day with 429s and its plan, a healthy log, a comparison."""
    folder = tmp_path_factory.mktemp("pages")
    calls = {
        "day": ["sample_logs/day_with_429s.log.zst"],
        "healthy": ["sample_logs/healthy.json.gz", "--no-plan"],
        "against": [
            "sample_logs/start_at_first.csv", "--no-plan", "--since", "2025-11-13",
            "--against", "sample_logs/start_at_first.csv",
        ],
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        for name, arguments in calls.items():
            assert run(["report", "-q", *arguments, "-o", str(folder / f"{name}.html")]) == 0
    return {name: folder / f"{name}.html" for name in calls}


@pytest.fixture(params=["day", "healthy", "against"])
def address(request: pytest.FixtureRequest, pages: dict[str, Path]) -> Iterator[str]:
    return pages[request.param].as_uri()


def test_page_loads_without_a_word_and_without_a_request(address: str, watched: Any) -> None:
    """No error on the console, none by the policy; the one request is for the page itself."""
    watched.page.goto(address)
    assert watched.problems == []
    assert [url for url in watched.requests if not url.startswith("data:")] == [address]
    loaded = "[...document.images].every(image => image.complete && image.naturalWidth > 0)"
    assert watched.page.evaluate(loaded)
    # The policy does not stop the one style sheet.
    assert watched.page.evaluate("getComputedStyle(document.querySelector('figure img')).display") == "block"


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_overflows(address: str, watched: Any, width: int, scheme: str) -> None:
    """The page is no wider than the window, also with all that is folded away opened."""
    watched.page.set_viewport_size({"width": width, "height": 800})
    watched.page.emulate_media(color_scheme=scheme)
    watched.page.goto(address)
    watched.page.evaluate("document.querySelectorAll('details').forEach(own => own.open = true)")
    assert watched.page.evaluate("document.documentElement.scrollWidth") <= width
    wide = (
        "[...document.querySelectorAll('img, p, h1, h2, h3, li')].filter(own => own.getBoundingClientRect()"
        f".right > {width} + 0.5).length"
    )
    assert watched.page.evaluate(wide) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_it(address: str, watched: Any, scheme: str) -> None:
    """axe-core finds nothing serious: contrast, headings, tables, names of regions."""
    from axe_playwright_python.sync_playwright import Axe

    watched.page.emulate_media(color_scheme=scheme)
    watched.page.goto(address)
    watched.page.evaluate("document.querySelectorAll('details').forEach(own => own.open = true)")
    found = Axe().run(watched.page).response["violations"]
    serious = [
        (own["id"], own["nodes"][0]["html"]) for own in found if own["impact"] in ("serious", "critical")
    ]
    assert serious == []


def test_dark_figures_are_light_on_dark(pages: dict[str, Path], watched: Any) -> None:
    """In dark mode the page is dark and its figures are inverted, in print neither is."""
    style = "own => [getComputedStyle(own).filter, getComputedStyle(document.body).backgroundColor]"
    watched.page.goto(pages["healthy"].as_uri())
    watched.page.emulate_media(color_scheme="dark")
    assert watched.page.eval_on_selector("figure img", style) == [
        "invert(1) hue-rotate(180deg)", "rgb(13, 17, 23)"
    ]  # fmt: skip
    watched.page.emulate_media(color_scheme="dark", media="print")
    assert watched.page.eval_on_selector("figure img", style) == ["none", "rgb(255, 255, 255)"]


def test_hostile_text_does_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watched: Any) -> None:
    """Every payload at once in every text of the page: no request, no error, none of the policy."""
    path = tmp_path / "page.html"
    text = hostile_text.hostile_page(" ".join(hostile_text.PAYLOADS), monkeypatch)
    path.write_text(text, encoding="utf-8")
    watched.page.goto(path.as_uri())
    assert watched.problems == []
    assert [url for url in watched.requests if not url.startswith("data:")] == [path.as_uri()]
    assert watched.page.evaluate("document.scripts.length") == 0
