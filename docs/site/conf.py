"""Sphinx's settings for the web pages; `scripts/book.py` lays out what it reads."""

import os

from docutils import nodes
from latex2mathml.converter import convert

project = "ece662"
author = "the authors of ece662"
copyright = author
language = "en"
edition = os.environ.get("ECE662_EDITION", "student")
repository = os.environ.get("ECE662_REPOSITORY", "https://github.com/OWNER/ece662")
branch = os.environ.get("ECE662_BRANCH", "main")

extensions = ["myst_nb"]
html_math_renderer = "mathml"
exclude_patterns = ["site/**"]
nb_execution_mode = "off"  # what is stored is what nbval compares
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
# Some lessons step from a second heading to a fourth.
suppress_warnings = ["myst.header"]

html_title = "ece662" if edition == "student" else "ece662 for teachers"
html_theme = "sphinx_book_theme"
html_static_path = ["_static"]
html_css_files = ["course.css"]
html_copy_source = False
html_show_sourcelink = False
html_last_updated_fmt = None  # the same sources give the same pages
pygments_style = "a11y-high-contrast-light"
html_theme_options = {
    "repository_url": repository,
    "repository_branch": branch,
    "path_to_docs": "",
    "use_repository_button": True,
    "use_download_button": False,
    "use_fullscreen_button": False,
    "launch_buttons": {
        "colab_url": "https://colab.research.google.com",
        "binderhub_url": "https://mybinder.org",
        "notebook_interface": "jupyterlab",
    },
    "navbar_persistent": [],  # the search box is in the sidebar
    "show_navbar_depth": 1,
    "show_toc_level": 2,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_context = {"default_mode": "auto"}


# Browsers draw MathML themselves, and screen readers read it: no script, no network.
def _inline(self, node):
    self.body.append(convert(node.astext()))
    raise nodes.SkipNode


def _display(self, node):
    formula = convert(node.astext(), display="block")
    self.body.append(f'<div class="formula" tabindex="0">{formula}</div>\n')
    raise nodes.SkipNode


def setup(app):
    """Enter the renderer of formulas."""
    app.add_html_math_renderer("mathml", (_inline, None), (_display, None))
