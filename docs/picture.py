"""Draw the picture of the report page in README.md (`python docs/picture.py`; takes Chromium and Playwright).

It is the page of a sample log, abridged: the first finding of two, one pool with its figures.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "images" / "report.png"
ABRIDGE = """
const kept = ['Q302 day-limit-hit ARTIFACT', 'Q301 minute-limit-hit ARTIFACT'];
for (const own of document.querySelectorAll('article.finding'))
  if (!kept.some(name => own.innerText.includes(name))) own.remove();
const shown = ['verdicts', 'findings', 'pool-2'];
for (const own of document.querySelectorAll('section'))
  if (!shown.includes(own.getAttribute('aria-labelledby'))) own.remove();
document.querySelectorAll('section.pool > ul, details, figure:nth-of-type(5)').forEach(own => own.remove());
document.querySelectorAll('h2').forEach(own => own.style.marginTop = '1.2rem');
"""


def main() -> None:
    """Write the page, abridge it, and take its picture."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page = Path(folder) / "report.html"
        log = "sample_logs/day_with_429s.log.zst"
        command = [sys.executable, "-m", "keyrota", "report", "-q", "--no-plan", log, "-o", str(page)]
        subprocess.run(command, check=True, cwd=ROOT)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        window = browser.new_page(viewport={"width": 1080, "height": 800})
        window.goto(page.as_uri())
        window.evaluate(ABRIDGE)
        PICTURE.parent.mkdir(exist_ok=True)
        window.screenshot(path=str(PICTURE), full_page=True)
        browser.close()
    Image.open(PICTURE).quantize(128).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
