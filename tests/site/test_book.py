"""The web pages: what is laid out for Sphinx, and what it makes of it."""

import importlib.util
import json
import os
import shutil
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit

import pytest

from scripts import book
from tests.course.test_release import leaks

ROOT = Path(__file__).parents[2]
PNG = "iVBORw0KGgo="
BLOB = "https://github.com/OWNER/ece662/blob/main"


class Page(HTMLParser):
    """What a page says, and what it leads to."""

    def __init__(self, path):
        """Read a file."""
        super().__init__()
        self.path, self.links, self.ids = path, [], set()
        self.loads, self.pictures, self.words, self.formulas = [], [], [], 0
        self._silent = ""
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids |= {attrs[key] for key in ("id", "name") if attrs.get(key)}
        if tag == "a" and "href" in attrs:
            self.links.append(attrs["href"])
        if tag in ("script", "img", "iframe") and "src" in attrs:
            self.loads.append(attrs["src"])
        if tag == "link" and attrs.get("rel") in ("stylesheet", "preload", "icon"):
            self.loads.append(attrs["href"])
        if tag == "img":
            self.pictures.append(attrs.get("alt"))
        self.formulas += tag == "math"
        if tag in ("script", "style"):
            self._silent = tag

    def handle_endtag(self, tag):
        if tag == self._silent:
            self._silent = ""

    def handle_data(self, text):
        if not self._silent:
            self.words.append(text)


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """Both editions as they are published."""
    missing = [n for n in ("sphinx", "myst_nb") if importlib.util.find_spec(n) is None]
    if missing and not os.environ.get("ECE662_REQUIRE_SITE"):
        pytest.skip(f"{' and '.join(missing)} not installed: make test-site")
    out = tmp_path_factory.mktemp("site")
    for edition in book.EDITIONS:
        book.make(edition, out, "OWNER/ece662", "main")
    return out


@pytest.fixture(scope="session")
def pages(site):
    """Every page of both editions, read."""
    return {
        edition: {
            path: Page(path)
            for path in (site / edition).rglob("*.html")
            if "_static" not in path.parts
        }
        for edition in book.EDITIONS
    }


@pytest.mark.parametrize("edition", book.EDITIONS)
def test_no_link_leads_nowhere(pages, edition):
    of_edition = pages[edition]
    broken = []
    for path, page in of_edition.items():
        for link in [*page.links, *page.loads]:
            parts = urlsplit(link)
            if parts.scheme in ("http", "https", "mailto", "data", "javascript"):
                continue
            file = path.parent / unquote(parts.path) if parts.path else path
            file = Path(os.path.normpath(file))
            if not file.exists():
                broken.append((path.name, link))
            elif parts.fragment and file in of_edition:
                wanted = unquote(parts.fragment)
                if wanted not in of_edition[file].ids | {""}:
                    broken.append((path.name, link))
    assert broken == []


@pytest.mark.parametrize("edition", book.EDITIONS)
def test_pages_load_nothing_from_elsewhere(pages, edition):
    loads = {load for page in pages[edition].values() for load in page.loads}
    assert loads
    assert [load for load in loads if urlsplit(load).netloc] == []


@pytest.mark.parametrize("edition", book.EDITIONS)
def test_every_picture_has_a_text(pages, edition):
    alts = [alt for page in pages[edition].values() for alt in page.pictures]
    assert len(alts) > 20
    assert all(alts)


def test_every_notebook_is_a_page_with_its_formulas(pages):
    names = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    for of_edition in pages.values():
        found = {path.stem: page for path, page in of_edition.items()}
        assert names <= set(found)
        for name in names:
            assert found[name].formulas > 3, name
            links = " ".join(found[name].links)
            assert "colab.research.google.com" in links
            assert "mybinder.org" in links


def said_by(of_edition, folder):
    """Write down what the pages say, a file each."""
    folder.mkdir()
    for path, page in of_edition.items():
        (folder / f"{path.stem}.txt").write_text("".join(page.words), "utf-8")
    return folder


def test_no_solution_is_read_in_the_student_edition(pages, tmp_path):
    assert leaks(said_by(pages["student"], tmp_path / "student")) == []
    assert leaks(said_by(pages["staff"], tmp_path / "staff"))


@pytest.fixture(scope="session")
def chromium():
    """A headless Chromium; tests skip where there is none."""
    playwright = pytest.importorskip("playwright.sync_api")
    browsers = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, browsers)), None)
    if found is None:
        pytest.skip("no browser is installed")
    options = ["--no-sandbox", "--disable-gpu"]
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=found, args=options)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def address(site):
    """Where a server on this computer has both editions."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *what):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site))
    Thread(target=server.serve_forever, daemon=True).start()
    with server:
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("width", [390, 1280])
def test_pages_fit_a_phone_and_a_desktop(site, pages, chromium, address, width):
    page = chromium.new_page(viewport={"width": width, "height": 800})
    wide = []
    for path in pages["student"]:
        name = path.relative_to(site).as_posix()
        page.goto(f"{address}/{name}")
        if page.evaluate("document.documentElement.scrollWidth") > width:
            wide.append(name)
    page.close()
    assert wide == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everybody_can_use_every_page(site, pages, chromium, address, theme):
    """Ask axe-core; of the theme's own frame, landmarks of its sidebar are left out."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page, found = chromium.new_page(color_scheme=theme), []
    for path in pages["student"]:
        page.goto(f"{address}/{path.relative_to(site).as_posix()}")
        for violation in axe.run(page).response["violations"]:
            if violation["id"] != "region":
                what = violation["nodes"][0]["html"][:200]
                found.append((path.name, violation["id"], what))
    page.close()
    assert found == []


# ------------------------------------------------------------- without Sphinx


def cell(kind, source, **more):
    return {"cell_type": kind, "id": "a", "metadata": {}, "source": [source], **more}


def test_pictures_become_files_with_their_text(tmp_path):
    data = {"image/png": PNG, "text/plain": 'Race: "adam" <wins>'}
    output = {"output_type": "display_data", "metadata": {}, "data": data}
    notebook = {"cells": [cell("code", "race()", outputs=[output, output])]}
    [prepared] = book.prepare(notebook, tmp_path, set(), BLOB)["cells"]
    [file] = (tmp_path / "pictures").iterdir()
    for shown in prepared["outputs"]:
        html = shown["data"]["text/html"]
        assert f'src="../_static/pictures/{file.name}"' in html
        assert 'alt="Race: &quot;adam&quot; &lt;wins&gt;"' in html


def test_attachments_and_set_up_code(tmp_path):
    attached = {"aim.png": {"image/png": PNG}}
    notebook = {
        "cells": [
            cell("markdown", "![Aim](attachment:aim.png)", attachments=attached),
            {**cell("code", "x = 1", outputs=[]), "metadata": {"tags": ["setup"]}},
        ]
    }
    text, code = book.prepare(notebook, tmp_path, set(), BLOB)["cells"]
    [file] = (tmp_path / "pictures").iterdir()
    assert text["source"] == f"![Aim](../site/_static/pictures/{file.name})"
    assert code["metadata"]["tags"] == ["hide-input"]


@pytest.mark.parametrize(
    ("page", "link", "becomes"),
    [
        ("docs/data.md", "dashboards.md", "dashboards.md"),
        ("docs/data.md", "../ece662/optim.py", f"{BLOB}/ece662/optim.py"),
        ("docs/data.md", "../README.md#if", "../index.md#if"),
        ("README.md", "docs/dashboards.md#top", "docs/dashboards.md#top"),
        ("README.md", "LICENSE", f"{BLOB}/LICENSE"),
        ("README.md", "https://example.org/a.md", "https://example.org/a.md"),
        ("notebooks/Q1.ipynb", "#here", "#here"),
    ],
)
def test_links_lead_to_a_page_or_to_the_repository(tmp_path, page, link, becomes):
    known = {"README.md", "docs/dashboards.md", "docs/data.md"}
    assert book.linked(f"[x]({link}).", page, known, BLOB) == f"[x]({becomes})."


def test_what_is_laid_out_is_all_that_is_listed(tmp_path):
    book.lay_out(ROOT, tmp_path, "staff", "OWNER/ece662", "main")
    for page in book.PAGES["staff"]:
        assert (tmp_path / page).read_text("utf-8").startswith("# ")
    index = (tmp_path / "index.md").read_text("utf-8")
    assert "staff only" not in index
    listed = [line for line in index.splitlines() if line.startswith("notebooks/Q")]
    stored = [path.stem for path in (tmp_path / "notebooks").glob("*.ipynb")]
    assert sorted(listed) == sorted(f"notebooks/{name}" for name in stored)
    stills = (tmp_path / "docs" / "dashboards.md").read_text("utf-8")
    assert stills.count("](stills/") == 9
    for path in (tmp_path / "notebooks").glob("*.ipynb"):
        assert "image/png" not in json.dumps(json.loads(path.read_text("utf-8")))
