"""The site is built without a warning, is whole, and asks nobody else for anything."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import keyrota
from keyrota.findings.pages import titles
from scripts import needs_sources

ROOT = Path(__file__).resolve().parents[2]
LOADS = {("script", "src"), ("link", "href"), ("img", "src"), ("iframe", "src"), ("source", "src"),
         ("video", "src"), ("object", "data"), ("form", "action")}  # fmt: skip
"""What a browser fetches or sends by itself."""

pytestmark = needs_sources


class Page(HTMLParser):
    """The links, ids and loads of a page."""

    def __init__(self, path):
        super().__init__()
        self.links, self.ids, self.loads = [], set(), []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if values.get("id"):
            self.ids.add(values["id"])
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])
        self.loads += [values[name] for element, name in LOADS if element == tag and values.get(name)]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", "NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site):
    """Every page by its path."""
    return {path: Page(path) for path in site.rglob("*.html")}


def test_every_finding_has_its_page(site):
    """The page that `keyrota explain` prints is on the site and in its list, and in no second copy."""
    index = (site / "findings" / "index.html").read_text(encoding="utf-8")
    for code, title in titles():
        page = (site / "findings" / f"{code}.html").read_text(encoding="utf-8")
        assert f"{code} {title}" in page
        assert f'href="{code}.html"' in index
    assert not (ROOT / "docs" / "findings").exists()


def test_every_public_name_is_in_the_reference(site):
    """The page of the Python API has each public name."""
    page = Page(site / "reference" / "python.html")
    text = (site / "reference" / "python.html").read_text(encoding="utf-8")
    for name in keyrota.__all__:
        assert name == "__version__" or f"keyrota.{name}" in page.ids, name
        assert name in text


def test_nothing_is_loaded_from_elsewhere(site, pages):
    """No page, and no style sheet, names anything at another host for a browser to fetch."""
    for path, page in pages.items():
        assert not [load for load in page.loads if urlsplit(load).netloc], path
    for path in site.rglob("*.css"):
        assert not re.search(r"url\(\s*['\"]?(?:https?:)?//|@import", path.read_text(encoding="utf-8")), path


def test_links_lead_somewhere(site, pages):
    """Every link within the site leads to a page that exists, and to a place that the page has."""
    for path, page in pages.items():
        if path.name == "404.html":  # its links are those of the site's root
            continue
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.exists(), f"{path.relative_to(site)} links to {link}"
            if parts.fragment and target in pages and not parts.fragment.startswith("__"):
                assert unquote(parts.fragment) in pages[target].ids, f"{path.relative_to(site)}: {link}"
