"""axe-core looks at what is ours in JupyterLab, in both themes, and at grading's pages.

It finds no violation. And what is ours fits a page of 400 pixels, and one at 200 %.
"""

import contextlib
import json
import re
from pathlib import Path

import pytest

from course.grade.text import file_name

from .conftest import QUESTION, ROOT, SCREENSHOTS, STUDENTS

playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python")
AXE = Path(axe.__file__).with_name("axe.min.js").read_text("utf-8")

DASHBOARDS = """
from IPython.display import display

from ece662.check import check, hint, predict, self_test
from ece662.data_utils import get_CINIC10_data
from ece662.widgets import *
from ece662.widgets.race import show_race

data = get_CINIC10_data(verbose=False)
shown = [optimiser_race(), gradient_checker(), activations_through_depth()]
shown += [normalisation_cube(), dropout_masks(), convolution_window()]
shown += [training_dashboard(data, epochs=1)]
shown[-1].run()  # a row in its table
shown += [hyperparameter_search(data, trials=2, pictures=500, epochs=1, cores=1)]
display(*shown)
display(check("relu_forward"), hint("adam"), self_test("q1-dw-shape", "b"))
display(self_test("q1-dw-shape", "a"), predict("q1-signal-depth", ...))
matplotlib.pyplot.plot([3, 1], label="loss")
matplotlib.pyplot.show()
show_race("round bowl", {"sgd": 0.3}, steps=4)
"""
THEMES = ("JupyterLab Light", "JupyterLab Dark")
# What a picture, a slider or a button is called by a screen reader.
NAMES = """
() => [...document.querySelectorAll('.ece662-dashboard')].map(root => ({
    title: root.getAttribute('aria-label'),
    pictures: [...root.querySelectorAll('img.widget-image')].map(i => i.alt),
    sliders: [...root.querySelectorAll('.noUi-handle')].map(
        h => [h.ariaLabel, h.ariaValueText]),
}))
"""

# What slides or turns, of what is ours, once a slider has been tapped.
MOVES = """
() => {
    document.querySelectorAll('.noUi-target').forEach(
        slider => slider.classList.add('noUi-state-tap'))
    return [...document.querySelectorAll('.ece662-dashboard *')].filter(part => {
        const style = getComputedStyle(part)
        return style.transitionDuration != '0s' || style.animationName != 'none'
    }).map(part => part.className)
}
"""

OUTPUTS = {"include": [[".jp-Notebook .jp-OutputArea-output"]]}


def violations(page, where=OUTPUTS):
    """Return what axe finds in the outputs of the cells: rule, impact, elements."""
    page.evaluate(AXE)
    found = page.evaluate(
        "where => axe.run(where, {resultTypes: ['violations']})"
        ".then(found => found.violations)",
        where,
    )
    return {
        f"{rule['impact']}: {rule['id']}": [
            node["html"][:160] for node in rule["nodes"]
        ]
        for rule in found
    }


def change_theme(page, theme):
    page.evaluate(
        """theme => fetch('/lab/api/settings/@jupyterlab/apputils-extension:themes', {
            method: 'PUT', body: JSON.stringify({raw: JSON.stringify({theme})}),
            headers: {'X-XSRFToken': document.cookie.match(/_xsrf=([^;]+)/)[1]}})""",
        theme,
    )


@pytest.mark.parametrize("theme", THEMES)
def test_nothing_of_ours_breaks_a_rule_of_axe(open_page, theme):
    page = open_page("accessibility", DASHBOARDS.strip())
    if theme != THEMES[0]:
        change_theme(page.page, theme)
        page.page.reload()
    page.page.locator(f"body[data-jp-theme-name='{theme}']").wait_for(state="attached")
    page.page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    page.run()
    page.page.get_by_text("Predict first").wait_for()
    page.page.wait_for_function(
        "() => [...document.querySelectorAll('.ece662-dashboard')].length == 8 &&"
        " [...document.querySelectorAll('.ece662-dashboard')].every(d => d.ariaLabel)"
    )
    still, moving = (
        page.page.locator(f".ece662-moving img[src^='data:image/{kind}']")
        for kind in ("png", "gif")
    )
    still.wait_for()
    assert not moving.is_visible()  # nothing moves by itself
    page.page.get_by_text("Play; close it to stop").press("Enter")
    moving.wait_for()
    assert not still.is_visible()
    assert page.page.evaluate(MOVES) != []
    page.page.emulate_media(reduced_motion="reduce")
    assert page.page.evaluate(MOVES) == []
    found = violations(page.page)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    report = {"theme": theme, "violations": found, "names": page.page.evaluate(NAMES)}
    with open(SCREENSHOTS / "axe.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps(report) + "\n")
    page.screenshot(f"accessibility-{theme.split()[-1].lower()}")
    change_theme(page.page, THEMES[0])
    assert found == {}
    for dashboard in report["names"]:
        assert all(len(text) > 20 for text in dashboard["pictures"]), dashboard
        assert len(set(dashboard["pictures"])) == len(dashboard["pictures"])
        assert all(label and value for label, value in dashboard["sliders"]), dashboard
    # A logarithmic slider says its value, not the exponent.
    assert dict(report["names"][0]["sliders"])["learning rate"] == "0.32"
    pictures = page.page.locator(".jp-OutputArea-output img:not(.widget-image)")
    curve, moving, still = pictures.evaluate_all("all => all.map(i => i.alt)")
    assert curve == "loss from 3 to 1."
    assert moving == f"In motion: {still}"
    assert "after 4 steps: sgd 0.37." in still


PAGES = ("class", "summary", *(f"students/{file_name(name)}" for name in STUDENTS),
         "similar/index", "similar/1", f"answers/{QUESTION}",
         f"answers/mark-{QUESTION}")  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_of_grading_breaks_a_rule_of_axe(graded, browser, scheme):
    context = browser.new_context(bypass_csp=True, color_scheme=scheme)
    page = context.new_page()
    found, papers = {}, set()
    for name in PAGES:
        page.goto((graded / f"{name}.html").as_uri())
        if name.startswith("answers/mark-"):
            for key in "1df":  # with points given, and items on
                page.keyboard.press(key)
        if problems := violations(page, {"include": ["html"]}):
            found[name] = problems
        paper = "() => getComputedStyle(document.body).backgroundColor"
        papers.add(page.evaluate(paper))
    page.screenshot(path=SCREENSHOTS / f"marking-{scheme}.png")
    context.close()
    assert found == {}
    assert papers == {"rgb(255, 255, 255)" if scheme == "light" else "rgb(22, 25, 29)"}


@pytest.mark.parametrize("width", [640, 400])
def test_pages_of_grading_fit_a_narrow_page(graded, browser, width):
    page = browser.new_page(viewport={"width": width, "height": 900})
    widths = {}
    for name in PAGES:
        page.goto((graded / f"{name}.html").as_uri())
        widths[name] = page.evaluate("document.documentElement.scrollWidth")
    page.close()
    assert widths == dict.fromkeys(PAGES, width)


# What sticks out of a dashboard, or of the page, to the right, and numbers cut short.
STICKS_OUT = """
() => [...document.querySelectorAll('.ece662-dashboard')].flatMap(root => {
    const right = Math.min(root.getBoundingClientRect().right, innerWidth) + 1
    const parts = 'input, select, button, img, .widget-slider, .widget-html-content'
    const isCut = e => e.matches('.widget-readout') && e.scrollWidth > e.clientWidth
    return [...root.querySelectorAll(`${parts}, .widget-readout`)]
        .filter(e => e.offsetParent)
        .filter(e => e.getBoundingClientRect().right > right || isCut(e))
        .map(e => root.ariaLabel + ': ' + e.outerHTML.slice(0, 120))
})
"""


@pytest.mark.parametrize("width", [640, 400])  # 1280 pixels at 200 %, and a phone
def test_dashboards_fit_a_narrow_page(open_page, width):
    page = open_page("narrow-dials", DASHBOARDS.strip())
    page.run()
    page.page.keyboard.press("Control+b")  # the list of files goes
    page.page.set_viewport_size({"width": width, "height": 900})
    page.page.wait_for_function(
        "() => [...document.querySelectorAll('.ece662-dashboard')].length == 8 &&"
        " [...document.querySelectorAll('.ece662-dashboard')].every(d => d.ariaLabel)"
    )
    page.screenshot(f"narrow-{width}")
    # JupyterLab lays out anew a while after the window has changed.
    with contextlib.suppress(playwright.TimeoutError):
        page.page.wait_for_function(f"() => !({STICKS_OUT.strip()})().length")
    assert page.page.evaluate(STICKS_OUT) == []


FORMULAS = """
from IPython.display import Markdown, display

for formula in {formulas}:
    display(Markdown(formula))
"""
SET = "() => [...document.querySelectorAll('.jp-OutputArea-output mjx-math')]"
# The numbers of those that can only be read by scrolling.
TOO_WIDE = f"""
() => ({SET})()
    .map(math => math.closest('.jp-RenderedMarkdown'))
    .flatMap((page, i) => page.scrollWidth > page.clientWidth ? [i] : [])
"""


def test_formulas_fit_a_page_at_200_percent(open_page):
    cells = [
        cell
        for file in sorted((ROOT / "notebooks").glob("*.ipynb"))
        for cell in json.loads(file.read_text("utf-8"))["cells"]
        if cell["cell_type"] == "markdown"
    ]
    formulas = [
        formula
        for cell in cells
        for formula in re.findall(r"\$\$.*?\$\$", "".join(cell["source"]), re.DOTALL)
    ]
    assert len(formulas) > 30
    page = open_page("formulas", FORMULAS.format(formulas=formulas).strip(), width=640)
    page.page.keyboard.press("Control+b")  # the list of files goes
    page.page.locator(".jp-Notebook .jp-Cell").nth(1).click()
    page.page.keyboard.press("Shift+Enter")
    page.page.wait_for_function(
        f"count => ({SET})().length == count", arg=len(formulas)
    )
    assert [formulas[i] for i in page.page.evaluate(TOO_WIDE)] == []
