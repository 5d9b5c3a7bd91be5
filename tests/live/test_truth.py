"""A notebook after any sequence of edits, held against a newly started Python.

A real kernel runs the cells; between two cells files are edited, spoilt, emptied and
put back at random. After each cell the notebook's own names, those of other modules and
the checks must say what a new process says that has just imported the files.
"""

import json
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.limits import CELL, START

ROOT = Path(__file__).resolve().parents[2]
SEEDS = range(int(os.environ.get("ECE662_WALKS", "2")))
STEPS = int(os.environ.get("ECE662_WALK_STEPS", "8"))

# What both sides run. Each probe is one line of JSON: a value, or what stopped it.
SETUP = """
import sys
# Where the package is installed from a folder, what is missing here is found there.
sys.meta_path = [f for f in sys.meta_path if "editable" not in repr(f)]
import json
import numpy as np

x, w, b = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4), np.ones(4)
y = np.array([0, 1])

def probe(*names):
    found = {}
    for name in names:
        try:
            value = PROBES[name]()
            found[name] = round(float(value), 6)
        except Exception as error:
            found[name] = type(error).__name__
    return json.dumps(found)

def checks():
    from ece662.check import check
    found = {}
    for id in ("affine_forward", "relu_forward", "sgd_momentum", "TwoLayerNet"):
        found[id] = str(check(id))
    return json.dumps(found)

def trained(rule):
    from ece662.classifiers.fc_net import TwoLayerNet
    from ece662.solver import Solver
    np.random.seed(0)
    data = {"X_train": x, "y_train": y, "X_val": x, "y_val": y}
    net = TwoLayerNet(input_dim=3, hidden_dim=4, num_classes=2)
    solver = Solver(net, data, update_rule=rule, num_epochs=2, batch_size=2,
                    verbose=False)
    solver.train()
    return solver.loss_history[-1]

def loss_of(net):
    np.random.seed(1)
    for name in sorted(net.params):
        net.params[name] = np.random.randn(*net.params[name].shape)
    return net.loss(x, y)[0]

def new_loss():
    from ece662.classifiers.fc_net import TwoLayerNet
    return loss_of(TwoLayerNet(input_dim=3, hidden_dim=4, num_classes=2))
"""
IN_NOTEBOOK = """
import ece662
from ece662 import layer_utils, layers, optim
from ece662.classifiers.fc_net import *
from ece662.layers import *
from ece662.layers import relu_forward as my_relu
ece662.reload(auto=True)
held = {"affine": affine_forward, "rule": optim.sgd_momentum}
net = TwoLayerNet(input_dim=3, hidden_dim=4, num_classes=2)
PROBES = {
    "affine": lambda: affine_forward(x, w, b)[0].sum(),
    "held": lambda: held["affine"](x, w, b)[0].sum(),
    "module": lambda: layers.affine_forward(x, w, b)[0].sum(),
    "sandwich": lambda: affine_relu_forward(x, w, b)[0].sum(),
    "relu": lambda: my_relu(x - 2)[0].sum(),
    "rule": lambda: held["rule"](x, x)[0].sum(),
    "solver": lambda: trained("sgd_momentum"),
    "own rule": lambda: trained(optim.sgd_momentum),
    "net": lambda: loss_of(net),
    "new net": new_loss,
}
"""
IN_A_NEW_PYTHON = """
import importlib
def of(module, name):
    loaded = importlib.import_module("ece662." + module)
    with open(loaded.__file__, "rb") as file:
        if not file.read().replace(b"\\xef\\xbb\\xbf", b"").strip():
            raise EOFError("an empty file counts as one that cannot be read")
    return getattr(loaded, name)
PROBES = {
    "affine": lambda: of("layers", "affine_forward")(x, w, b)[0].sum(),
    "sandwich": lambda: of("layer_utils", "affine_relu_forward")(x, w, b)[0].sum(),
    "relu": lambda: of("layers", "relu_forward")(x - 2)[0].sum(),
    "rule": lambda: of("optim", "sgd_momentum")(x, x)[0].sum(),
    "solver": lambda: trained("sgd_momentum"),
    "net": new_loss,
}
print(json.dumps([probe(*PROBES), checks()]))
"""
SAME = {
    "affine": ("affine", "held", "module"),
    "sandwich": ("sandwich",),
    "relu": ("relu",),
    "rule": ("rule",),
    "solver": ("solver", "own rule"),
    "net": ("net", "new net"),
}
CHANGES = {
    "layers.py": (rb"(?s)(def relu_forward\(.*?:\n)", b"    x = x + "),
    "optim.py": (rb"(?s)(def sgd_momentum\(.*?:\n)", b"    dw = dw * "),
    "classifiers/fc_net.py": (rb"(?s)(def loss\(.*?:\n)", b"        X = X * "),
    "layer_utils.py": (rb"(?s)(def affine_relu_forward\(.*?:\n)", b"    b = b + "),
}
YEAR_1980 = 315_532_800
FILES = ("layers.py", "optim.py", "classifiers/fc_net.py", "layer_utils.py")


class Walk:
    """A folder with the package, and edits at random that can be put back."""

    def __init__(self, folder, seed):
        self.package = folder / "ece662"
        self.random = random.Random(seed)
        self.original = {f: (self.package / f).read_bytes() for f in FILES}
        for file, (signature, _) in CHANGES.items():
            assert re.search(signature, self.original[file]), file

    def step(self):
        """Change one file; return what was done."""
        file = self.random.choice(FILES)
        path = self.package / file
        edits = [e for e in dir(self) if e.startswith("edit_")]
        edit = self.random.choice([*edits, "edit_put_back", "edit_put_back"])
        if path.is_dir():
            path.rmdir()
        text = path.read_bytes() if path.exists() else self.original[file]
        new = getattr(self, edit)(file, text)
        if new is None:
            path.unlink(missing_ok=True)
        elif new == "folder":
            path.unlink(missing_ok=True)
            path.mkdir()
        else:
            path.write_bytes(new)
            os.utime(path, (YEAR_1980, YEAR_1980))  # as out of a release's zip
        return f"{edit} {file}"

    def name_in(self, file):
        return self.random.choice({
            "layers.py": ["affine_forward", "relu_forward", "softmax_loss"],
            "optim.py": ["sgd_momentum", "sgd"],
            "classifiers/fc_net.py": ["TwoLayerNet"],
            "layer_utils.py": ["affine_relu_forward", "conv_relu_forward"],
        }[file]).encode()  # fmt: skip

    def edit_put_back(self, file, text):
        return self.original[file]

    def edit_change(self, file, text):
        """Let a function begin with another line below its signature."""
        number = str(self.random.randint(2, 9)).encode()
        signature, line = CHANGES[file]
        return re.sub(signature, rb"\1" + line + number + b"\n", text, count=1)

    def edit_digit(self, file, text):
        """Change the number of an earlier change; size and date stay."""
        line = CHANGES[file][1].strip()
        number = str(self.random.randint(2, 9)).encode()
        return re.sub(re.escape(line) + rb" \d", line + b" " + number, text)

    def edit_byte_order_mark(self, file, text):
        return b"\xef\xbb\xbf" + text.removeprefix(b"\xef\xbb\xbf")

    def edit_windows_lines(self, file, text):
        return text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")

    def edit_old_mac_lines(self, file, text):
        return text.replace(b"\r\n", b"\n").replace(b"\n", b"\r")

    def edit_other_encoding(self, file, text):
        comment = b"# -*- coding: latin-1 -*-  \xe9\n"
        return text if text.startswith(b"\xef\xbb\xbf") else comment + text

    def edit_decorate(self, file, text):
        name = self.name_in(file)
        return text.replace(
            b"def " + name + b"(", b"@(lambda f: f)\ndef " + name + b"("
        )

    def edit_rename(self, file, text):
        name = self.name_in(file)
        return text.replace(b"def " + name, b"def renamed_" + name).replace(
            b"class " + name, b"class renamed_" + name
        )

    def edit_rename_back(self, file, text):
        return text.replace(b"renamed_", b"")

    def edit_comment_out(self, file, text):
        """Take one definition away, as a student who comments it out."""
        name, lines, away = self.name_in(file), [], False
        for line in text.split(b"\n"):
            if line.startswith((b"def ", b"class ", b"@")) or not line.strip():
                away = away and not line.startswith((b"def ", b"class ", b"@"))
                begins = (b"def " + name + b"(", b"class " + name + b"(")
                away = away or line.startswith(begins)
            elif line[:1] not in (b" ", b")", b"#"):
                away = False
            lines.append(b"# " + line if away else line)
        return b"\n".join(lines)

    def edit_twice(self, file, text):
        name = self.name_in(file)
        return text + b"\n\nkept_copy = " + name + b"\n"

    def edit_to_an_alias(self, file, text):
        name = self.name_in(file)
        return text + b"\n\n_old = " + name + b"\n" + name + b" = _old\n"

    def edit_wrap(self, file, text):
        name = self.name_in(file)
        wrap = b"\n\n%s = (lambda f: lambda *a, **k: f(*a, **k))(%s)\n"
        return text if name == b"TwoLayerNet" else text + wrap % (name, name)

    def edit_spoil(self, file, text):
        return text + b"\n\ndef spoilt(:\n"

    def edit_raise(self, file, text):
        return text + b"\n\nnot_defined_anywhere\n"

    def edit_zero_byte(self, file, text):
        return text + b"# \0\n"

    def edit_latin(self, file, text):
        return text + b"# \xe9\n"

    def edit_utf_16(self, file, text):
        return text.decode("utf-8", "replace").encode("utf-16")

    def edit_empty(self, file, text):
        return b""

    def edit_half(self, file, text):
        return text[: len(text) // 2]

    def edit_delete(self, file, text):
        return None

    def edit_folder(self, file, text):
        return "folder"


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    """`make test` puts this tree in front of a copy, by PYTHONPATH."""
    monkeypatch.delenv("PYTHONPATH", raising=False)


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(
        ROOT / "ece662",
        tmp_path / "ece662",
        ignore=shutil.ignore_patterns("__pycache__", "widgets", "synthetic"),
    )
    (tmp_path / "ece662" / "data" / "synthetic").mkdir()
    shutil.copytree(
        ROOT / "ece662/data/synthetic",
        tmp_path / "ece662/data/synthetic",
        ignore=shutil.ignore_patterns("__pycache__"),
        dirs_exist_ok=True,
    )
    return tmp_path


@pytest.fixture
def cell(folder):
    """Return a function that runs a cell of a notebook and returns what it prints."""
    manager = pytest.importorskip("jupyter_client").KernelManager()
    manager.start_kernel(cwd=str(folder))
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=START)

    def run(code):
        printed = []

        def show(message):
            content = message["content"]
            if message["msg_type"] == "stream" and content["name"] == "stdout":
                printed.append(content["text"])

        reply = client.execute_interactive(code, output_hook=show, timeout=CELL)
        content = reply["content"]
        assert content["status"] == "ok", "\n".join(content.get("traceback", []))
        return "".join(printed)

    yield run
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def in_a_new_python(folder):
    done = subprocess.run(
        [sys.executable, "-c", SETUP + IN_A_NEW_PYTHON],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    probes, checks = json.loads(done.stdout)
    return json.loads(probes), json.loads(checks)


def differences(fresh, notebook):
    """Yield where a notebook says something else than a new Python."""
    (want, want_checks), (got, got_checks) = fresh, notebook
    for name, others in SAME.items():
        for other in others:
            if isinstance(want[name], float):
                if got[other] != want[name]:
                    yield f"{other}: {got[other]}, expected {want[name]}"
            elif want[name] == "AttributeError" and isinstance(got[other], float):
                yield f"{other}: {got[other]} of what is gone"
    for id, text in want_checks.items():
        if got_checks[id] != text:
            yield f"check({id!r}):\n{got_checks[id]}\nexpected:\n{text}"


@pytest.mark.parametrize("seed", SEEDS)
def test_notebook_and_a_new_python_say_the_same_after_any_edits(folder, cell, seed):
    walk, done = Walk(folder, seed), []
    cell(SETUP + IN_NOTEBOOK)
    for step in range(STEPS):
        done += [walk.step() for _ in range(walk.random.randint(1, 2))]
        printed = cell("print('\\n' + probe(*PROBES)); print(checks())")
        probes, checks = printed.splitlines()[-2:]
        notebook = json.loads(probes), json.loads(checks)
        found = list(differences(in_a_new_python(folder), notebook))
        assert not found, "\n".join([f"step {step}", *done, *found, printed])


def test_check_after_a_pass_fails_for_a_file_that_cannot_be_read(folder, cell):
    layers = folder / "ece662" / "layers.py"
    text = layers.read_bytes()
    cell(
        SETUP
        + "import ece662; ece662.reload(auto=True)\nfrom ece662.check import check"
    )
    ask = "print([str(check(id)) for id in ('affine_forward', 'TwoLayerNet', 'adam')])"
    assert cell(ask).count(": passed") == 3
    layers.write_bytes(text + b"def spoilt(:\n")
    line = text.count(b"\n") + 1
    printed = cell(ask)
    message = f"not yet right\\n  ece662/layers.py cannot be read, line {line}: "
    assert printed.count(message) == 2
    assert printed.count(": passed") == 1
    layers.write_bytes(text)
    assert cell(ask).count(": passed") == 3
