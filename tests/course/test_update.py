"""A student's text survives any sequence of updates, byte for byte."""

import http.server
import io
import json
import re
import shutil
import sys
import threading
import zipfile
from contextlib import suppress
from types import ModuleType

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from course.changes import changes_between
from course.cli import main as staff
from course.release import make_release
from ece662 import notebook
from ece662.commands import releases as reading
from ece662.commands import replacing, update
from ece662.commands.cli import main
from ece662.commands.updating import KEPT, LIST, MANIFEST, describe, plan
from ece662.exercises import regions, work
from ece662.exercises.regions import START, MarkerError, fill, parse_file
from ece662.live import terminal
from tests.course.test_release import ROOT

OPTIM, Q3, SOLVER = "ece662/optim.py", "notebooks/Q3-Dropout.ipynb", "ece662/solver.py"
LAYERS, Q2 = "ece662/layers.py", "notebooks/Q2-BatchNorm.ipynb"
Q5 = "notebooks/Q5-Pytorch.ipynb"
ANSWER = "q3-divide-answer"
OTHERS = {"own.py": b"mine = 1\r\n", "notes/a.txt": b"\xff\0"}


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory):
    """The folder of a release."""
    out = tmp_path_factory.mktemp("release") / "students"
    make_release(ROOT, out, "ann/course", "main")
    return out


@pytest.fixture(scope="module")
def first(handed_out):
    """Some files of a release, with the list of what was given."""
    names = (LIST, OPTIM, SOLVER, Q3, MANIFEST)
    return {name: (handed_out / name).read_bytes() for name in names}


def _release(files, **was):
    files = {name: data for name, data in files.items() if name != MANIFEST}
    return files | {MANIFEST: describe(files, {n.replace("__", "-"): w
                                               for n, w in was.items()})}  # fmt: skip


def _answer(first):
    return next(
        id for id in re.findall(r'id = "(q3-[a-z-]+-answer)"', first[LIST].decode())
    )


def _cells(data):
    return json.loads(data)["cells"]


def _source(data, id):
    [cell] = [cell for cell in _cells(data) if cell["id"] == id]
    return "".join(cell["source"])


def _written(files, texts, answer="", own=()):
    """Return the files of a student who wrote this."""
    parsed = parse_file(files[OPTIM].decode(), OPTIM)
    made = dict(files) | {OPTIM: parsed.fill(texts).encode()}
    book = json.loads(files[Q3])
    for cell in book["cells"]:
        if answer and cell["id"] == _answer(files):
            cell["source"] = answer.splitlines(keepends=True)
    for place, source in own:
        cell = {"cell_type": "code", "id": f"mine-{place}", "metadata": {},
                "source": source, "outputs": [], "execution_count": None}  # fmt: skip
        book["cells"].insert(place, cell)
    made[Q3] = json.dumps(book, ensure_ascii=True).encode()
    return made


def _updated(old, new):
    made = plan(old, new)
    files = {n: d for n, d in (old | made.files).items() if n not in made.removed}
    return files, made


def _changed(files, file, old, new):
    assert old in files[file].decode()
    return files | {file: files[file].decode().replace(old, new, 1).encode()}


def _second(first):
    """The first release with corrections, an exercise more, and another name."""
    files = _changed(first, OPTIM, "def sgd_momentum(", "def momentum_step(")
    files = _changed(files, SOLVER, '"""', '"""Corrected. ')
    more = re.sub(r"def rmsprop\(", "def newton(", files[OPTIM].decode())
    start, end = more.index("def newton("), more.index("def adam(")
    files[OPTIM] += b"\n\n" + more[start:end].encode().rstrip() + b"\n"
    return _release(files, momentum_step="sgd_momentum")


def _third(first):
    """A release without one of the exercises, and with one more file."""
    text = _second(first)[OPTIM].decode()
    start, end = text.index("def rmsprop("), text.index("def adam(")
    files = _second(first) | {OPTIM: (text[:start] + text[end:]).encode()}
    files = {name: data for name, data in files.items() if name != SOLVER}
    return _release(files | {"docs/new.md": b"new"}, momentum_step="sgd_momentum")


@pytest.fixture(scope="module")
def releases(first):
    """Three releases of one term."""
    return Releases([first, _second(first), _third(first)])


class Releases(list):
    """Releases that show themselves by their number alone."""

    def __repr__(self):
        return f"{len(self)} releases"


def test_what_was_written_is_carried_through_three_releases(first):
    texts = {
        ("sgd_momentum", 1): "    a = 1  # \u2028 odd\n",
        ("adam", 1): "    b = 2\n",
        ("rmsprop", 1): "    c = 3\n",
    }
    own = [(3, "mine = 1"), (9, ["x\n", "y"])]
    files = _written(first, texts, "Because.\nTwice.", own)
    second, made = _updated(files, _second(first))
    assert made.carried == 4
    found = parse_file(second[OPTIM].decode(), f"new/{OPTIM}").bodies
    assert found["momentum_step", 1] == texts["sgd_momentum", 1]
    assert found["rmsprop", 1] == texts["rmsprop", 1]
    assert "NotImplementedError" in found["newton", 1]
    assert "Corrected." in second[SOLVER].decode()
    assert made.notes == []
    third, made = _updated(second, _third(first))
    assert _source(third[Q3], _answer(first)) == "Because.\nTwice."
    assert [_source(third[Q3], f"mine-{place}") for place, _ in own] == [
        "mine = 1", "x\ny"
    ]  # fmt: skip
    before = [cell["id"] for cell in _cells(files[Q3])]
    assert [cell["id"] for cell in _cells(third[Q3])] == before
    [kept] = [name for name in third if name.startswith(f"{KEPT}/rmsprop")]
    assert third[kept].decode() == texts["rmsprop", 1]
    assert kept in made.notes[0]
    assert made.removed == [SOLVER]


TEXTS = st.lists(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"),
            max_size=30), min_size=1, max_size=4,
).map(lambda lines: "".join(f"    {line}\n" for line in lines))  # fmt: skip

# An update is slow, and to shrink what fails would take minutes.
FEW = settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)


@given(
    st.tuples(TEXTS, TEXTS, TEXTS),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    st.lists(st.tuples(st.integers(0, 20), st.text(max_size=40)), max_size=3),
    st.lists(st.integers(0, 2), min_size=1, max_size=4),
)
@FEW
def test_every_text_survives_any_sequence_of_updates(
    releases, texts, answer, own, order
):
    first = releases[0]
    keys = [("sgd_momentum", 1), ("rmsprop", 1), ("adam", 1)]
    try:
        files = _written(first, dict(zip(keys, texts, strict=True)), answer, own)
        whole = parse_file(files[OPTIM].decode(), OPTIM)
        whole.require_whole()
    except MarkerError:
        return  # a text with a marker line, or that ends the function
    texts = [whole.bodies.get(key, "") for key in keys]
    for number in order:
        try:
            files, _ = _updated(files | OTHERS, releases[number])
        except ValueError:
            return  # it says that something cannot be read, and changes nothing
    held = "\0".join(data.decode("utf-8", "replace") for data in files.values())
    for text in texts:
        if text.strip() not in ("", "pass"):  # as it was handed out
            assert text in held
    sources = {"".join(cell["source"]) for cell in _cells(files[Q3])}
    for _, source in own:
        assert source in sources
    if answer.strip():
        assert answer in sources
    assert {name: files[name] for name in OTHERS} == OTHERS


def _answered_below(files, answer, left, pictures):
    """Return files with an answer in a cell of its own below the one that is for it.

    Args:
        files: of a release.
        answer: the text.
        left: what stands in the cell that is for it.
        pictures: what is pasted into the own cell.
    """
    book = json.loads(files[Q3])
    place = next(n for n, c in enumerate(book["cells"]) if c["id"] == _answer(files))
    book["cells"][place]["source"] = left
    own = {"cell_type": "markdown", "id": "0f3a9c21", "metadata": {}, "source": answer}
    book["cells"].insert(place + 1, own | pictures)
    return files | {Q3: json.dumps(book).encode()}


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40),
    st.sampled_from(["", "\n", regions.ANSWER, f"{regions.ANSWER}\n"]),
    st.sampled_from([{}, {"attachments": {"a.png": {"image/png": "QQ=="}}}]),
    st.lists(st.integers(0, 2), min_size=1, max_size=3),
)
@FEW
def test_an_answer_in_a_cell_of_its_own_leaves_no_empty_cell_behind(
    releases, answer, left, pictures, order
):
    files = _answered_below(releases[0], answer, left, pictures)
    for number in order:
        files, _ = _updated(files, releases[number])
    new = [cell["id"] for cell in _cells(releases[order[-1]][Q3])]
    cells = _cells(files[Q3])
    if answer.strip() not in ("", regions.ANSWER):
        assert [cell["id"] for cell in cells] == new
        assert _source(files[Q3], _answer(files)) == answer
        [cell] = [cell for cell in cells if cell["id"] == _answer(files)]
        assert cell.get("attachments") == pictures.get("attachments")
    else:
        assert answer in {"".join(cell["source"]) for cell in cells}


@pytest.mark.parametrize("written", [False, True])
def test_a_copy_of_a_cell_with_its_id_is_kept_where_something_is_written(
    first, handed_out, written
):
    files = {n: first[n] for n in (LIST, MANIFEST)}
    files[Q5] = (handed_out / Q5).read_bytes()
    book = json.loads(files[Q5])
    cells = book["cells"]
    place = next(n for n, c in enumerate(cells) if START in "".join(c["source"]))
    source, copy = "".join(cells[place]["source"]), dict(cells[place])
    cells[place]["source"] = source.replace("pass\n", "mine = 1\n", 1)
    if written:
        copy["source"] = source.replace("pass\n", "earlier = 2\n", 1)
    cells.insert(place, copy)
    new, _ = _updated(files | {Q5: json.dumps(book).encode()}, files)
    sources = ["".join(cell["source"]) for cell in _cells(new[Q5])]
    assert sum("mine = 1" in source for source in sources) == 1
    assert sum("earlier = 2" in source for source in sources) == written
    assert len(sources) == len(cells) - (not written)


def test_given_code_that_was_changed_is_kept_and_noted(first):
    old = _changed(first, SOLVER, '"""', '"""Mine. ')
    old = _changed(old, OPTIM, "import numpy as np", "import numpy as np\nmine = 7")
    book = json.loads(old[Q3])
    cell = next(c for c in book["cells"] if c["cell_type"] == "code")
    cell["source"] = ["print('changed')"]
    old[Q3] = json.dumps(book).encode()
    files, made = _updated(old, _second(first))
    assert len(made.notes) == 3
    kept = [data for name, data in files.items() if name.startswith(KEPT)]
    assert {old[SOLVER], old[OPTIM]} == {*kept}
    place = [c["id"] for c in _cells(files[Q3])].index(cell["id"])
    beside = _cells(files[Q3])[place + 1]
    assert (beside["cell_type"], "".join(beside["source"])) == (
        "raw",
        "print('changed')",
    )
    again, made = _updated(files, _second(first))
    assert again == files
    assert made.files == {}


def test_damaged_file_is_named_and_nothing_is_changed(first):
    old = _changed(first, OPTIM, "# *****END", "# ****END")
    with pytest.raises(ValueError, match=r"ece662/optim.py"):
        plan(old, _second(first))
    with pytest.raises(ValueError, match="UTF-8"):
        plan(first | {OPTIM: b"\xff"}, _second(first))


@pytest.fixture
def course(first, tmp_path, monkeypatch):
    """A student's folder, and a zip with the second release."""
    texts = {("adam", 1): "    mine = 2\n"}
    root = tmp_path / "work"
    for name, data in (_written(first, texts) | OTHERS).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    with zipfile.ZipFile(tmp_path / "new.zip", "w") as packed:
        for name, data in _second(first).items():
            packed.writestr(f"ece662-1/{name}", data)
    monkeypatch.chdir(root / "notebooks")
    monkeypatch.setattr(replacing, "SETTLE", 0.05)
    return root


def _held(root):
    return {path.relative_to(root).as_posix(): path.read_bytes()
            for path in root.rglob("*")
            if path.is_file() and "backups" not in path.parts}  # fmt: skip


def test_update_and_undo(course, capsys):
    before = _held(course)
    assert main(["update", "../../new.zip"]) == 0
    said = capsys.readouterr().out
    assert "Carried over: 1" in said
    after = _held(course)
    assert b"mine = 2" in after[OPTIM]
    assert b"momentum_step" in after[OPTIM]
    assert main(["update", str(course.parent / "new.zip")]) == 0
    assert "nothing was changed" in capsys.readouterr().out
    assert main(["update", "--undo"]) == 0
    assert _held(course) == before
    assert main(["update", "--undo"]) == 1
    assert "no update to take back" in capsys.readouterr().err


def test_update_that_is_cut_off_leaves_everything_as_it_was(course, monkeypatch):
    before, write, count = _held(course), replacing.write_file, []

    def breaks(path, *args, **options):
        count.append(path)
        if len(count) == 4:
            raise OSError("no more")
        write(path, *args, **options)

    monkeypatch.setattr(replacing, "write_file", breaks)
    assert main(["update", "../../new.zip"]) == 1
    assert len(count) > 4
    assert _held(course) == before
    assert main(["update", "--undo"]) == 1  # nothing is left to take back


def test_update_that_was_killed_is_taken_back_by_the_next(course, monkeypatch, capsys):
    before, write, count = _held(course), replacing.write_file, []

    def dies(path, *args, **options):
        count.append(path)
        if len(count) == 4:
            raise KeyboardInterrupt
        write(path, *args, **options)

    monkeypatch.setattr(replacing, "write_file", dies)
    monkeypatch.setattr(replacing, "roll_back", lambda root: False)
    assert main(["update", "../../new.zip"]) == 130
    assert _held(course) != before
    monkeypatch.undo()
    monkeypatch.chdir(course)
    (course / OPTIM).write_bytes(saved := (course / OPTIM).read_bytes() + b"# more\n")
    assert main(["update", "no.zip"]) == 1
    assert "what was before it is back" in capsys.readouterr().out
    assert _held(course) == before | {OPTIM: saved}  # saved since: nobody's but theirs


def _saves_before(write, saved):
    def saves(path, *args, **options):
        if path.name == "optim.py":
            saved(path)
        write(path, *args, **options)

    return saves


def _saves_after(write, saved):
    def saves(path, *args, **options):
        write(path, *args, **options)
        if path.name == "optim.py":
            saved(path)

    return saves


@pytest.mark.parametrize("when", [_saves_before, _saves_after])
@pytest.mark.parametrize("command", ["../../new.zip", "--undo"])
def test_editor_that_saves_at_the_same_time_loses_nothing(
    course, monkeypatch, when, command
):
    """A tab still has the earlier release, and what was typed a moment ago."""
    if command == "--undo":
        assert main(["update", "../../new.zip"]) == 0
    before, times = _held(course), []
    newer = before[OPTIM].replace(b"mine = 2", b"mine = 3")
    assert newer != before[OPTIM]

    def saved(path):
        if not times:
            times.append(path.write_bytes(newer))

    monkeypatch.setattr(replacing, "write_file", when(replacing.write_file, saved))
    assert main(["update", command]) == 0
    assert times
    after = _held(course)
    if command == "--undo":
        [since] = (course / "backups").glob("undone.*.zip")
        assert zipfile.ZipFile(since).read(OPTIM) == newer
        assert b"mine = 2" in after[OPTIM]
        return
    assert b"mine = 3" in after[OPTIM]
    assert b"momentum_step" in after[OPTIM]
    assert not [name for name in after if name.startswith(KEPT)]
    assert main(["update", "--undo"]) == 0
    assert _held(course) == before | {OPTIM: newer}


@pytest.mark.parametrize("when", [_saves_before, _saves_after])
def test_editor_that_saves_without_end_keeps_its_text(
    course, monkeypatch, capsys, when
):
    monkeypatch.setattr(replacing, "SETTLE", 0.01)
    before, times = _held(course), []

    def saved(path):
        times.append(path)
        path.write_bytes(b"typed %d\n" % len(times) + before[OPTIM])

    monkeypatch.setattr(replacing, "write_file", when(replacing.write_file, saved))
    assert main(["update", "../../new.zip"]) == 1
    assert "being written by another program" in capsys.readouterr().err
    typed = b"typed %d\n" % len(times) + before[OPTIM]
    assert _held(course) == before | {OPTIM: typed}


def test_file_that_is_half_written_when_it_is_read_is_read_again(course, monkeypatch):
    """JupyterLab empties a file before it writes to it."""
    whole, read = (course / Q3).read_bytes(), update.read_course
    (course / Q3).write_bytes(b"")

    def reads(root, new):
        held = read(root, new)
        (course / Q3).write_bytes(whole)
        return held

    monkeypatch.setattr(update, "read_course", reads)
    assert main(["update", "../../new.zip"]) == 0
    assert b"mine = 2" in _held(course)[OPTIM]


def test_update_names_what_is_open_in_a_tab(course, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("JUPYTERLAB_WORKSPACES_DIR", str(tmp_path))
    assert main(["update", "../../new.zip"]) == 0
    assert "do not save the old text over the new" in capsys.readouterr().out
    tabs = {"editor": {"data": {"path": OPTIM}}}
    workspace = tmp_path / "a.jupyterlab-workspace"
    workspace.write_text(json.dumps({"data": tabs}))
    assert main(["update", "--undo"]) == 0
    assert f"{OPTIM} is open in a tab" in capsys.readouterr().out


def test_update_beside_a_running_one_takes_nothing_of_it_back(
    course, monkeypatch, capsys
):
    """What a running update has noted looks like one that was killed."""
    write, met = replacing.write_file, []

    def meets(path, *args, **options):
        if path.name == "solver.py" and not met:
            met.append(main(["update", "../../new.zip"]))
        write(path, *args, **options)

    monkeypatch.setattr(work, "LONGEST_WAIT", 0.05)
    monkeypatch.setattr(replacing, "write_file", meets)
    assert main(["update", "../../new.zip"]) == 0
    assert met == [1]
    said = capsys.readouterr()
    assert "the course is being written by another program" in said.err
    assert "what was before it is back" not in said.out


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("no.zip", "there is no no.zip"),
        ("../notebooks", "is no release of this course"),
        ("../ece662/optim.py", "is no zip that can be read"),
        ("https://127.0.0.1:9/x", "Is there a network?"),
        ("http://127.0.0.1:{port}/gone.zip", "the server says 404"),
        ("http://127.0.0.1:{port}/page.zip", "is no zip that can be read"),
        ("http://127.0.0.1:{port}/broken.zip", "is no zip that can be read"),
        ("http://127.0.0.1:{port}/short.zip", "did not come whole"),
        ("http://127.0.0.1:{port}/huge.zip", "is larger than 1 MB"),
        ("http://127.0.0.1:{port}/bomb.zip", "the zip holds more than 1 MB"),
        ("http://127.0.0.1:{port}/out.zip", "leads out of it"),
    ],
)
def test_update_from_nowhere_changes_nothing(
    course, server, monkeypatch, capsys, place, why
):
    monkeypatch.setattr(reading, "MOST", 1 << 20)
    before = _held(course)
    assert main(["update", place.format(port=server)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("ece662 update: nothing was changed: ")
    assert why in said
    assert _held(course) == before


@pytest.fixture
def server(course):
    """The port of a web server that has the release, and files that are none."""
    whole = (course.parent / "new.zip").read_bytes()
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 0xFF
    files = {
        "/ann/course/archive/HEAD.zip": whole,
        "/page.zip": b"<html>Sign in first</html>",
        "/broken.zip": bytes(damaged),
        "/short.zip": whole,
        "/huge.zip": bytes(2 << 20),
        "/bomb.zip": _zip({LIST: bytes(2 << 20)}),
        "/out.zip": _zip({"../out": b"x", LIST: b""}),
    }

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            data = files.get(self.path)
            if data is None:
                self.send_error(404)
                return
            self.send_response(200)
            missing = 9 if self.path == "/short.zip" else 0
            self.send_header("Content-Length", str(len(data) + missing))
            self.end_headers()
            with suppress(ConnectionError):
                self.wfile.write(data)

        def log_message(self, *words):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield serving.server_port
        serving.shutdown()
        thread.join()


def _zip(files):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    return file.getvalue()


def test_update_from_where_this_copy_was_published(course, server, monkeypatch, capsys):
    before = _held(course)
    assert main(["update"]) == 1
    assert "does not say where it is published" in capsys.readouterr().err
    address = f"http://127.0.0.1:{server}/ann/course/archive/HEAD.zip"
    monkeypatch.setattr(notebook, "RELEASE", address)
    assert main(["update"]) == 0
    assert "Carried over: 1" in capsys.readouterr().out
    assert b"momentum_step" in _held(course)[OPTIM]
    assert main(["update", "--undo"]) == 0
    assert _held(course) == before


def test_update_and_undo_from_a_cell(handed_out, tmp_path, monkeypatch, capsys):
    """As on Colab, where the current folder is not the course's."""
    root, elsewhere = tmp_path / "content/course", tmp_path / "content"
    shutil.copytree(handed_out, root)
    body = {("adam", 1): "    mine = 2\n"}
    text = (root / OPTIM).read_text("utf-8")
    (root / OPTIM).write_text(fill(text, OPTIM, body), "utf-8")
    files = {path.relative_to(handed_out).as_posix(): path.read_bytes()
             for path in handed_out.rglob("*") if path.is_file()}  # fmt: skip
    new = _release(_changed(files, SOLVER, '"""', '"""Corrected. '))
    (elsewhere / "new.zip").write_bytes(_zip(new))
    (elsewhere / "random.py").write_text("raise SystemExit('ran')")
    before = _held(root)
    monkeypatch.chdir(elsewhere)
    monkeypatch.setattr(terminal, "find_root", lambda: root)
    assert terminal.run("update new.zip") == 0, capsys.readouterr().out
    assert "Carried over: 1" in capsys.readouterr().out
    assert "Corrected." in (root / SOLVER).read_text("utf-8")
    assert "mine = 2" in (root / OPTIM).read_text("utf-8")
    assert terminal.run("update --undo") == 0
    assert {n: d for n, d in _held(root).items() if ".pyc" not in n} == before
    assert terminal.run("update 'no such.zip'") == 1
    assert "there is no no such.zip" in capsys.readouterr().out
    assert terminal.run("lab") == terminal.run("update '") == 2
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    assert terminal.run("status --help") == 0
    assert f"what stands in {root / 'notebooks'} is not" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["Copy of Q3-Dropout (1).ipynb", "mine.ipynb"])
def test_update_of_a_notebook_that_lies_elsewhere(course, first, capsys, name):
    mine = _changed(_written(first, {}, "Because."), Q3, "{", "{ ")[Q3]
    drive = course.parent / "Drive"
    drive.mkdir()
    (drive / name).write_bytes(mine)
    before = _held(course)
    command = ["update", "../../new.zip", "--notebook", str(drive / name)]
    assert main(command) == 0
    [new] = set(drive.iterdir()) - {drive / name}
    assert str(new) in capsys.readouterr().out
    assert _source(new.read_bytes(), _answer(first)) == "Because."
    assert (drive / name).read_bytes() == mine
    assert main(["update", "--undo"]) == 0
    assert _held(course) == before
    (drive / name).write_bytes(b'{"cells": []}')
    command[-1] = str((drive / name).rename(drive / "other.ipynb"))
    assert main(command) == 1
    assert "is none of the course's notebooks" in capsys.readouterr().err
    assert _held(course) == before


def test_changes_are_noted_in_words_and_what_breaks_apart(releases):
    first, second, third = releases
    changes = changes_between(first, second)
    assert changes.breaking == []
    assert f"{OPTIM}: momentum_step, newton new" in changes.notes
    assert f"{OPTIM}: sgd_momentum gone" in changes.notes
    assert any(line.startswith(SOLVER) for line in changes.notes)
    assert "docs/new.md is new" in changes_between(second, third).notes
    gone = first[LIST].replace(b'id = "rmsprop"', b'id = "rmsprop2"')
    changes = changes_between(first, _release(first | {LIST: gone}))
    assert any("rmsprop is gone" in line for line in changes.breaking)
    other = first[OPTIM].replace(b"def adam(w:", b"def adam(more: int, w:")
    assert other != first[OPTIM]
    changes = changes_between(first, _release(first | {OPTIM: other}))
    assert changes.breaking == [f"{OPTIM}: adam has other arguments"]
    assert "Finished work may have to be changed" in changes.as_text()


def test_release_that_breaks_is_refused_without_being_told_so(
    first, tmp_path, monkeypatch, capsys
):
    def make(source, out, place, ref):
        for name, data in changed.items():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_bytes(data)
        return list(changed)

    monkeypatch.setattr("course.commands.release.make_release", make)
    make_old, out = tmp_path / "old", tmp_path / "new"
    changed = first
    make(None, make_old, "", "")
    changed = first | {OPTIM: first[OPTIM].replace(b"def adam(w:", b"def adam(v:")}
    command = ["release", "--out", str(out), "--changes-from", str(make_old)]
    assert staff(command) == 1
    assert not out.exists()
    assert "adam has other arguments" in capsys.readouterr().err
    assert staff([*command, "--breaking"]) == 0
    assert "adam" in (tmp_path / "new-changes.md").read_text("utf-8")
