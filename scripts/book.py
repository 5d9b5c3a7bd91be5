"""Make web pages of the notebooks and the documentation: `make site`.

    python scripts/book.py [--edition student|staff] [--out DIR] [--repo OWNER/NAME]
        [--ref REF]

The student edition is made of the students' copy (`ece662-staff release`), so it shows
no solution; the staff edition of the repository as it is. Nothing is run: the pages
show the outputs that are stored, which the tests compare. Sphinx writes them, with
MyST-NB for the notebooks; begin with DIR/EDITION/index.html, which needs no server.
"""

import argparse
import base64
import hashlib
import html
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / ".cache" / "site"
EDITIONS = ("student", "staff")
PAGES = {
    "student": ("docs/glossary.md", "docs/dashboards.md", "docs/data.md"),
    "staff": (
        *("docs/teaching.md", "docs/grading.md", "docs/hub.md", "docs/dashboards.md"),
        *("docs/data.md", "docs/glossary.md", "docs/results.md", "docs/speed.md"),
        "docs/checks.md",
        *("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"),
    ),
}
COLAB = "https://colab.research.google.com/github"
BINDER = "https://mybinder.org/v2/gh"
LINK = re.compile(r"(\]\()(?!https?:|#|mailto:|attachment:)([^)#\s]+)(#[^)\s]*)?(\))")
STAFF_ONLY = re.compile(r"<!-- (end of )?staff only -->\n?")


def main(arguments: list[str]) -> int:
    """Do what the command line asks; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--edition", choices=EDITIONS, help="only this one")
    parser.add_argument("--out", type=Path, default=OUT, help="default: .cache/site")
    parser.add_argument("--repo", default="OWNER/ece662", help="for links and buttons")
    parser.add_argument("--ref", default="main", help="its branch or tag")
    options = parser.parse_args(arguments)
    for edition in [options.edition] if options.edition else EDITIONS:
        pages = make(edition, options.out, options.repo, options.ref)
        print(f"{pages / 'index.html'}: the {edition} edition")
    return 0


def make(edition: str, out: Path, repository: str, ref: str) -> Path:
    """Write the pages of one edition; return their folder.

    Args:
        edition: "student" or "staff".
        out: where the folders of both lie.
        repository: OWNER/NAME on GitHub, which the links lead to.
        ref: its branch or tag.

    Raises:
        subprocess.CalledProcessError: Sphinx found a fault, and has printed it.
    """
    source, pages = out / f"{edition}-source", out / edition
    for folder in (source, pages):
        shutil.rmtree(folder, ignore_errors=True)
    source.mkdir(parents=True)
    if edition == "student":
        copy = source / "copy"
        release = [sys.executable, "-m", "course", "release", "--out", str(copy)]
        release += ["--repo", repository, "--ref", ref]
        subprocess.run(release, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        lay_out(copy, source, edition, repository, ref)
        shutil.rmtree(copy)
    else:
        lay_out(ROOT, source, edition, repository, ref)
    environment = {
        **os.environ,
        "ECE662_EDITION": edition,
        "ECE662_REPOSITORY": f"https://github.com/{repository}",
        "ECE662_BRANCH": ref,
    }
    sphinx = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going"]
    sphinx += ["-j", "2", "-c", str(source / "site"), "-d", str(out / "doctrees")]
    sphinx += [str(source), str(pages)]
    try:
        subprocess.run(sphinx, check=True, env=environment)
    finally:
        for folder in ("doctrees", "jupyter_execute"):
            shutil.rmtree(out / folder, ignore_errors=True)
    return pages


def lay_out(course: Path, source: Path, edition: str, repository: str, ref: str):
    """Put what Sphinx reads into one folder.

    Args:
        course: the repository, or the students' copy.
        source: the folder to fill.
        edition: "student" or "staff".
        repository: OWNER/NAME on GitHub.
        ref: its branch or tag.
    """
    shutil.copytree(ROOT / "docs" / "site", source / "site")
    shutil.copytree(course / "docs" / "images", source / "docs" / "images")
    notebooks = sorted(path.name for path in (course / "notebooks").glob("*.ipynb"))
    pages = [f"notebooks/{name}" for name in notebooks] + list(PAGES[edition])
    known = {*pages, "README.md"}
    blob = f"https://github.com/{repository}/blob/{ref}"
    for page in PAGES[edition]:
        text = linked((course / page).read_text("utf-8"), page, known, blob)
        if page == "docs/dashboards.md":
            text += _stills(source / "docs" / "stills", repository, ref)
        title, _, rest = text.partition("\n")
        _write(source / page, f"{title}\n\n{_launch(repository, ref)}{rest}")
    for name in notebooks:
        notebook = json.loads((course / "notebooks" / name).read_text("utf-8"))
        prepared = prepare(notebook, source / "site" / "_static", known, blob)
        _write(source / "notebooks" / name, json.dumps(prepared, sort_keys=True))
    readme = linked((course / "README.md").read_text("utf-8"), "README.md", known, blob)
    title, _, readme = STAFF_ONLY.sub("", readme).partition("\n")
    readme = f"{title}\n\n{_launch(repository, ref)}{readme}"
    _write(source / "index.md", readme + _contents(notebooks, PAGES[edition]))


def prepare(notebook: dict, static: Path, known: set[str], blob: str) -> dict:
    """Return a notebook as Sphinx shows it best.

    Pictures become files beside the pages, with their text; set-up code is folded;
    links to files that are no page lead to the repository.
    """
    pictures = static / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            for name, kinds in cell.pop("attachments", {}).items():
                file = _keep(kinds["image/png"], pictures)
                path = f"../site/_static/pictures/{file}"
                source = source.replace(f"(attachment:{name})", f"({path})")
            cell["source"] = linked(source, "notebooks/x.ipynb", known, blob)
            continue
        if "setup" in cell["metadata"].get("tags", []):
            cell["metadata"]["tags"] = ["hide-input"]
        cell["outputs"] = [_shown(output, pictures) for output in cell["outputs"]]
    return notebook


def _shown(output: dict, pictures: Path) -> dict:
    """Turn a picture into HTML that has its text; leave any other output alone."""
    data = output.get("data", {})
    if "image/png" not in data:
        return output
    file = _keep(data["image/png"], pictures)
    text = html.escape(_text_of(output), quote=True)
    image = f'<img src="../_static/pictures/{file}" alt="{text}" loading="lazy">'
    return {"output_type": "display_data", "data": {"text/html": image}, "metadata": {}}


def _text_of(output: dict) -> str:
    """Return what is to be seen in a picture."""
    metadata = output.get("metadata", {})
    alt = metadata.get("image/png", {}).get("alt") or metadata.get("alt")
    said = "".join(output["data"].get("text/plain", ""))
    return alt or ("a figure, drawn by the code above" if said[:1] == "<" else said)


def _keep(encoded: str | list[str], pictures: Path) -> str:
    """Write a picture once, whatever shows it; return its name."""
    content = base64.b64decode("".join(encoded))
    name = f"{hashlib.sha256(content).hexdigest()[:20]}.png"
    (pictures / name).write_bytes(content)
    return name


def _stills(pictures: Path, repository: str, ref: str) -> str:
    """Return a section with each dashboard's first picture and where it is to be had.

    They are taken from the solved notebooks: a picture shows no solution.
    """
    pictures.mkdir()
    found: dict[str, str] = {}
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            is_dashboard = cell["id"].endswith("-dashboard")
            for output in cell.get("outputs", []) if is_dashboard else ():
                text = "".join(output.get("data", {}).get("text/plain", ""))
                title = text.partition(":")[0]
                if "image/png" not in output.get("data", {}) or text[:1] == "<":
                    continue
                file = _keep(output["data"]["image/png"], pictures)
                where = f"{repository}/blob/{ref}/notebooks/{path.name}"
                alt = re.sub(r"[\[\]]", "", " ".join(text.split()))
                found.setdefault(
                    title,
                    f"### {title}\n\n![{alt}](stills/{file})\n\nIn "
                    f"[{path.stem}](../notebooks/{path.name}); [open it in Colab]"
                    f"({COLAB}/{where}) and turn the dials.\n",
                )
    return "\n## What they look like\n\n" + "\n".join(found.values())


def linked(text: str, page: str, known: set[str], blob: str) -> str:
    """Let links to files that are no page lead to the repository."""

    def link(match: re.Match) -> str:
        before, target, anchor, after = match.groups()
        path = os.path.normpath(Path(page).parent / target).replace(os.sep, "/")
        if path.startswith("docs/images/") or "_static/" in target:
            return match[0]
        if path in known:
            target = "index.md" if path == "README.md" else path
            relative = os.path.relpath(target, Path(page).parent).replace(os.sep, "/")
            return f"{before}{relative}{anchor or ''}{after}"
        return f"{before}{blob}/{path}{anchor or ''}{after}"

    return LINK.sub(link, text)


def _launch(repository: str, ref: str) -> str:
    """Return the line of links that stands on every page that is no notebook."""
    first = f"{COLAB}/{repository}/blob/{ref}/notebooks/Q1-FCNetworks.ipynb"
    return (
        '<p class="launch">'
        f'<a href="{first}">Begin with Q1 in Colab</a>'
        f'<a href="{BINDER}/{repository}/{ref}">Open the course on Binder</a></p>\n'
    )


def _contents(notebooks: list[str], pages: tuple[str, ...]) -> str:
    """Return the tables of contents, which the sidebar shows."""
    parts = {"The notebooks": [f"notebooks/{name}" for name in notebooks]}
    parts["More"] = list(pages)
    return "".join(
        f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n"
        + "\n".join(str(Path(name).with_suffix("").as_posix()) for name in names)
        + "\n```\n"
        for caption, names in parts.items()
    )


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
