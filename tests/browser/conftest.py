"""JupyterLab in a real, headless browser: `make test-browser`.

A server and a browser for all tests; each test opens a notebook of one cell. Pictures
of the page are kept in $ECE662_SCREENSHOTS, by default .cache/screenshots.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest

from tests.limits import WAIT, wait_until

WAIT_MS = WAIT * 1000  # as playwright counts
ROOT = Path(__file__).parents[2]
SCREENSHOTS = Path(
    os.environ.get("ECE662_SCREENSHOTS", ROOT / ".cache" / "screenshots")
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Messages of JupyterLab's own, which a page without any widget brings as well.
ITS_OWN = (
    "favicon",
    "/api/",
    "jupyterlab_pygments",
    "Failed to load resource",
    "ResizeObserver",
)

# Keeps the time of the latest picture; load does not bubble, but can be captured.
NOTE_PICTURES = """
document.addEventListener('load', event => {
    if (event.target.matches?.('img.widget-image')) window.lastPicture =
        performance.now()
}, true)
"""

playwright_api = pytest.importorskip("playwright.sync_api")


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium; the tests skip where there is none."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        if os.environ.get("ECE662_REQUIRE_BROWSER"):
            pytest.fail(f"expected a browser, one of {', '.join(BROWSERS)}")
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
    with playwright_api.sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu"]
        running = playwright.chromium.launch(executable_path=found, args=options)
        yield running
        running.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """The address of a JupyterLab that serves an empty folder, and the folder."""
    folder = tmp_path_factory.mktemp("notebooks")
    home = tmp_path_factory.mktemp("home")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += ["--ip=127.0.0.1", f"--port={port}", "--IdentityProvider.token=t"]
    command += [f"--ServerApp.root_dir={folder}"]
    _ask_nothing(home / "settings")
    environment = {
        **os.environ,
        "HOME": str(home),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "ECE662_DATA": str(ROOT / ".cache" / "notebooks"),
        "ECE662_FULL": "0",
        "PYTHONPATH": str(ROOT),
        "OPENBLAS_NUM_THREADS": "1",
    }
    with open(folder.parent / "lab.log", "w", encoding="utf-8") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        _wait_for(f"http://127.0.0.1:{port}/api", server)
        yield f"http://127.0.0.1:{port}", folder
    finally:
        server.terminate()
        server.wait(WAIT)


def _ask_nothing(settings):
    """Answer Lab's question about news, which would cover the page."""
    folder = settings / "@jupyterlab" / "apputils-extension"
    folder.mkdir(parents=True)
    (folder / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')


def _wait_for(address, server):
    def answers():
        assert server.poll() is None, "JupyterLab ended; see lab.log"
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=60):
            return True

    wait_until(answers, "an answer of JupyterLab")


class Page:
    """A notebook with one dashboard, as a student sees it.

    Attributes:
        page: playwright's page.
        errors: what the page wrote to its console as errors.
    """

    def __init__(self, page, name):
        self.page, self.name, self.errors = page, name, []
        page.set_default_timeout(WAIT_MS)
        page.add_init_script(NOTE_PICTURES)
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _on_console(self, message):
        where = message.location.get("url", "")
        ours = not any(word in message.text + where for word in ITS_OWN)
        if message.type == "error" and ours:
            self.errors.append(message.text)

    def open(self, address, folder, source):
        """Open a notebook whose second cell shows the dashboard; run the first."""
        setup = nbformat.v4.new_code_cell(
            "import matplotlib.pyplot\nfrom ece662.notebook import get_ready\n"
            "get_ready()"
        )
        cells = [setup, nbformat.v4.new_code_cell(source)]
        notebook = nbformat.v4.new_notebook(cells=cells)
        python = {"display_name": "Python 3", "language": "python", "name": "python3"}
        notebook.metadata["kernelspec"] = python  # else Lab asks which kernel to take
        nbformat.write(notebook, folder / self.name)
        self.page.goto(f"{address}/lab/tree/{self.name}?token=t&reset")
        self.page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=WAIT_MS)
        self.page.locator(".jp-Notebook .jp-Cell").first.click()
        self._run_cell()
        self.page.get_by_text("Ready.").wait_for(timeout=WAIT_MS)

    def _run_cell(self):
        self.page.keyboard.press("Shift+Enter")

    def run(self):
        """Run the dashboard's cell; return the seconds to its first picture."""
        self.page.locator(".jp-Notebook .jp-Cell").nth(1).click()
        start = time.perf_counter()
        self._run_cell()
        self.page.locator(".jp-OutputArea .widget-image").first.wait_for()
        self._wait_until_drawn()
        return time.perf_counter() - start

    def _wait_until_drawn(self):
        self.page.wait_for_function(
            "() => [...document.querySelectorAll('img.widget-image')].every("
            "i => i.complete && i.naturalWidth > 0)"
        )

    def pictures(self):
        """The address of each picture: it changes whenever a new one arrives."""
        images = self.page.locator("img.widget-image")
        return images.evaluate_all("images => images.map(image => image.src)")

    def text(self):
        """The line of text above the pictures."""
        return self.page.locator("div[role=status]").first.inner_text()

    def dial(self, label):
        """The widget with this label."""
        name = self.page.get_by_text(label, exact=True)
        return self.page.locator(".jupyter-widgets", has=name).last

    def press(self, label, key, times=1):
        """Move a slider by the keyboard; return the seconds to the new picture."""
        self.dial(label).locator(".noUi-handle").focus()
        for _ in range(times - 1):
            self.page.keyboard.press(key)
        return self.timed(lambda: self.page.keyboard.press(key))

    def press_only(self, label, key, times=1):
        """Move a slider by the keyboard, of which no picture comes."""
        self.dial(label).locator(".noUi-handle").focus()
        for _ in range(times):
            self.page.keyboard.press(key)

    def choose_only(self, label, option):
        """Choose from a list, of which no picture comes."""
        self.dial(label).locator("select").select_option(option)

    def wait_for_picture(self):
        """Wait for a new picture; return the seconds it took."""
        start = self.page.evaluate("performance.now()")
        self.page.wait_for_function("start => window.lastPicture > start", arg=start)
        return (self.page.evaluate("window.lastPicture") - start) / 1000

    def run_new_cell(self, source, word):
        """Write a cell below the others, run it, and return the line with the word."""
        self.page.locator(".jp-Notebook .jp-Cell").nth(1).click()
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("b")
        self.page.keyboard.press("Enter")
        self.page.keyboard.insert_text(source)
        self._run_cell()
        line = self.page.locator(".jp-OutputArea-output pre", has_text=word)
        line.first.wait_for(timeout=WAIT_MS)
        return line.first.inner_text().strip()

    def drag(self, label, share):
        """Drag a slider by the mouse to a share of its way; seconds to the picture."""
        slider = self.dial(label)
        slider.scroll_into_view_if_needed()
        handle = slider.locator(".noUi-handle").bounding_box()
        track = slider.locator(".noUi-target").bounding_box()
        mouse = self.page.mouse
        middle = handle["y"] + handle["height"] / 2
        mouse.move(handle["x"] + handle["width"] / 2, middle)
        mouse.down()
        target = track["x"] + share * track["width"]
        return self.timed(lambda: (mouse.move(target, middle), mouse.up()))

    def choose(self, label, option):
        """Choose from a drop-down list; return the seconds to the new picture."""
        menu = self.dial(label).locator("select")
        return self.timed(lambda: menu.select_option(option))

    def timed(self, act):
        """Do something; return the seconds until the last picture it brings is there.

        Pictures that are still on their way from before do not count.
        """
        self._wait_until_quiet()
        start = self.page.evaluate("performance.now()")
        act()
        self.page.wait_for_function(
            "start => window.lastPicture > start", arg=start, timeout=WAIT_MS
        )
        self._wait_until_quiet()
        return (self.page.evaluate("window.lastPicture") - start) / 1000

    def _wait_until_quiet(self):
        """Wait until no picture has come for half a second, and the kernel is idle."""
        self.page.wait_for_function(
            "() => performance.now() - (window.lastPicture || 0) > 500"
        )
        self.page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()

    def click(self, button):
        """Press a button by its name."""
        self.page.get_by_role("button", name=button, exact=True).click()

    def wait_for_text(self, words, timeout=WAIT_MS):
        """Wait until the line of text has these words, or fits a regular expression.

        Returns:
            The seconds it took.
        """
        start = time.perf_counter()
        line = self.page.locator("div[role=status]").first
        line.filter(has_text=words).wait_for(timeout=timeout)
        return time.perf_counter() - start

    def screenshot(self, name):
        """Keep a picture of the page."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")


@pytest.fixture
def open_page(browser, lab):
    """A function that opens a cell's source in JupyterLab and returns its Page."""
    opened = []

    def open_page(name, source, width=1250, height=1000):
        context = browser.new_context(viewport={"width": width, "height": height})
        page = Page(context.new_page(), f"{name}.ipynb")
        opened.append((context, page))
        page.open(*lab, source)
        return page

    yield open_page
    for context, page in opened:
        page.page.evaluate(
            "fetch('/api/kernels').then(r => r.json()).then(all => Promise.all("
            "all.map(k => fetch('/api/kernels/' + k.id, {method: 'DELETE', headers: "
            "{'X-XSRFToken': (document.cookie.match(/_xsrf=([^;]+)/) || [])[1]}}))))"
        )
        context.close()


QUESTION = "q1-vanishing-answer"  # that students of `graded` have answered
STUDENTS = ("ann", "bob", "=cem", "Zoë <b>Çelik</b>")
RUBRIC = ["1 names the product", "0.5 says of what"]


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The reports on four students, two of whom look alike."""
    from course.grade.reports import write_reports
    from course.grade.run import record_path
    from tests.course.grade.books.test_books import _record

    out = tmp_path_factory.mktemp("run")
    (out / "records").mkdir()
    (out / "run.json").write_text('{"secret": "1"}')
    (out / "course.toml").write_text(f"[rubric]\n{QUESTION} = {json.dumps(RUBRIC)}")
    for place, name in enumerate(STUDENTS):
        record = _record(name, status=("passed", "failed")[place % 2], late=place == 2)
        record |= {"answers": {QUESTION: f"</script>Because, {name}."}}
        record["notes"] = ["notebooks/Q2-BatchNorm.ipynb is missing"] * (place % 2)
        if place < 2:
            record["fingerprints"] = {"relu_forward": list(range(20))}
            record["code"] = {"relu_forward": "out = np.maximum(x, 0)\ncache = x"}
        record_path(out, name).write_text(json.dumps(record))
    assert write_reports(out) == []
    return out
