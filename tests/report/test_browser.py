"""The page in a real browser, offline."""

import html
import json
import shutil
import subprocess

import pytest

from l1ae.report import render
from l1ae.report.anchors import Anchor
from l1ae.report.costs import Version, measures
from l1ae.report.hardware_formats import FORMATS
from l1ae.report.hardware_runs import hardware_runs

from ..made_reports import report, routed, runs, staged, with_hardware

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--enable-logging=stderr",
    "--virtual-time-budget=20000",
)

#: Shows the page in a frame of the given width and writes what it finds into its own document.
HARNESS = """<!DOCTYPE html><meta charset="utf-8"><pre id="result"></pre>
<iframe style="width:{width}px;height:900px;border:0" srcdoc="{page}"></iframe>
<script>
const frame = document.querySelector("iframe");
frame.onload = async () => {{
  const page = frame.contentDocument;
  const images = [...page.images];
  await Promise.all(images.map(image => image.decode()));
  document.getElementById("result").textContent = JSON.stringify({{
    scroll: page.documentElement.scrollWidth,
    visible: page.documentElement.clientWidth,
    images: images.map(image => [image.naturalWidth, image.getBoundingClientRect().width]),
    height: page.documentElement.scrollHeight,
  }});
}};
</script>"""

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome is installed")


def browse(document, folder):
    """DOM and log of a document after it has loaded."""
    (folder / "page.html").write_text(document, encoding="utf-8")
    done = subprocess.run(
        [BROWSER, *FLAGS, f"--user-data-dir={folder / 'profile'}", "--dump-dom", (folder / "page.html").as_uri()],
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    return done.stdout, done.stderr


def measure(page, width, folder):
    dom, log = browse(HARNESS.format(width=width, page=html.escape(page)), folder)
    assert "CONSOLE" not in log
    result = dom.partition('<pre id="result">')[2].partition("</pre>")[0]
    assert result, "the page did not finish loading"
    return json.loads(result)


@pytest.mark.parametrize("width", [390, 1280])
def test_every_plot_is_drawn_and_nothing_scrolls_sideways(page, plots, tmp_path, width):
    found = measure(page, width, tmp_path)
    assert found["visible"] <= width
    assert found["scroll"] <= found["visible"]
    assert len(found["images"]) == len(plots)
    for natural, shown in found["images"]:
        assert natural > 100
        assert 300 < shown < width
    assert found["height"] > 2000


@pytest.mark.parametrize("width", [380, 1280])
def test_latency_and_resources_fit_a_phone(measured, plots, tmp_path, monkeypatch, width):
    known = Anchor(name="57-32-16-3, 6 bits, not pruned", description="Large.", figures=(*staged(51_234.0), *routed()))
    monkeypatch.setattr("l1ae.report.hardware_grid.anchor", lambda: known)
    versions = [
        Version(circuit=letter * 64, created=measured.created, l1ae="0", figures=measures(measured)) for letter in "ab"
    ]
    page = render(measured, plots, versions).replace("<details>", "<details open>")
    found = measure(page, width, tmp_path)
    assert found["scroll"] <= found["visible"] <= width
    assert len(found["images"]) == len(plots)
    assert all(natural > 100 and 300 < shown < width for natural, shown in found["images"])


@pytest.mark.parametrize("width", [380, 1280])
def test_the_table_of_many_runs_scrolls_inside_its_box(tmp_path, width):
    several = [
        with_hardware(report(f"dense_autoencoder_with_a_long_name_{number}"), (*staged(), *routed())) for number in "ab"
    ]
    found = measure(FORMATS["html"](hardware_runs(runs(*several))), width, tmp_path)
    assert found["scroll"] <= found["visible"] <= width


def test_the_check_sees_errors_and_wide_pages(tmp_path):
    _, log = browse("<script>undefined_name()</script>", tmp_path)
    assert "CONSOLE" in log
    wide = measure('<div style="width:900px">wide</div>', 390, tmp_path)
    assert wide["scroll"] >= 900 > wide["visible"]
