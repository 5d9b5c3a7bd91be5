"""Live editing, tried from outside: each test is a session in a process of its own.

The session imports a small package named ece662 that holds the real `live` beside
toy modules, edits their files, and reports by assertion.
"""

import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "ece662"

LAYERS = '''
import numpy as np

__all__ = ["SCALE", "Layer", "double", "triple"]

SCALE = 1


def double(x):
    """Old words."""
    return 2 * x


def triple(x, times=3):
    return times * x


class Layer:
    kind = "old"

    def forward(self, x):
        return SCALE * x

    def gone(self):
        return True
'''

NET = """
from ece662.layers import SCALE, Layer, double
from ece662 import layers

__all__ = ["Net", "RULES", "Layer", "double", "scale"]

RULES = {"double": double}


def scale():
    return SCALE


class Net(Layer):
    def __init__(self):
        super().__init__()

    def forward(self, x):
        return super().forward(double(x))
"""

ODD = """
import dataclasses
import functools


def loud(f):
    @functools.wraps(f)
    def wrapper(*args):
        return ("!", f(*args))

    return wrapper


@loud
def shout(x):
    return x


@functools.lru_cache
def cached(x):
    return x + 0


@dataclasses.dataclass(frozen=True)
class Point:
    x: int = 1

    def norm(self):
        return self.x
"""

PRELUDE = """
import pathlib
import ece662
import ece662.live
from ece662 import layers as L, net
from ece662.layers import *
from ece662.layers import double as aliased, Layer as Base, SCALE as FACTOR
from ece662.net import Net, RULES

HERE = pathlib.Path(ece662.__file__).parent

def edit(name, *changes):
    path = HERE / name
    text = path.read_text()
    for old, new in changes:
        assert old in text, f"{old!r} is not in {name}"
        text = text.replace(old, new)
    path.write_text(text)
"""


@pytest.fixture
def session(tmp_path):
    """Return a function that runs a session's code and returns what it printed."""
    package = tmp_path / "ece662"
    package.mkdir()
    shutil.copytree(PACKAGE / "live", package / "live")
    (package / "__init__.py").write_text("from ece662.live import reload\n")
    (package / "layers.py").write_text(LAYERS)
    (package / "net.py").write_text(NET)
    (package / "odd.py").write_text(ODD)

    def run(code, prelude=PRELUDE):
        script = tmp_path / "session.py"
        script.write_text(prelude + textwrap.dedent(code))
        done = subprocess.run(
            [sys.executable, str(script)], capture_output=True, text=True, cwd=tmp_path
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_reload_nothing_changed_says_so(session):
    assert session("ece662.reload()") == "no file of the package has changed\n"


def test_reload_same_text_saved_again_is_no_change(session):
    printed = session('edit("layers.py", ("return 2", "return 2")); ece662.reload()')
    assert printed == "no file of the package has changed\n"


def test_reload_prints_and_returns_what_was_reloaded(session):
    printed = session("""
        edit("layers.py", ("2 * x", "20 * x"))
        assert ece662.reload().reloaded == ("ece662.layers",)
    """)
    assert printed == "reloaded ece662.layers\n"


def test_reload_function_is_new_under_every_name_and_in_every_container(session):
    session("""
        import functools
        held = {"f": double, "partial": functools.partial(double, 1)}
        def user(x, f=double): return f(x)
        edit("layers.py", ("2 * x", "20 * x"), ("Old words", "New words"))
        ece662.reload()
        for f in (double, aliased, L.double, net.double, RULES["double"], held["f"]):
            assert f(1) == 20
        assert held["partial"]() == 20 and user(1) == 20
        assert double.__doc__ == "New words."
    """)


def test_reload_defaults_and_attributes_of_functions_follow(session):
    session("""
        edit("layers.py", ("times=3", "times=30, *, plus=1"), ("times * x",
             "times * x + plus"))
        ece662.reload()
        assert triple(1) == 31 and triple(1, plus=2) == 32
    """)


def test_reload_two_edits_of_one_length_within_a_second_both_count(session):
    session("""
        for factor in "3456789":
            path = HERE / "layers.py"
            path.write_text(path.read_text().replace(
                [l for l in path.read_text().splitlines() if "* x" in l][0],
                f"    return {factor} * x"))
            ece662.reload()
            assert double(1) == int(factor)
    """)


def test_reload_edit_before_the_first_call_is_seen(session):
    session(
        """
        import ece662
        from ece662.layers import double
        import pathlib
        path = pathlib.Path(ece662.__file__).parent / "layers.py"
        path.write_text(path.read_text().replace("2 * x", "20 * x"))
        ece662.reload()
        assert double(1) == 20
        """,
        prelude="",
    )


def test_reload_constant_is_bound_anew_where_it_was_imported(session):
    session("""
        edit("layers.py", ("SCALE = 1", "SCALE = 5"))
        ece662.reload()
        assert SCALE == L.SCALE == net.SCALE == net.scale() == Layer().forward(1) == 5
        assert FACTOR == 1  # an alias of a number cannot be told from any other 1
    """)


def test_reload_leaves_the_users_own_variables_alone(session):
    session("""
        SCALE = "mine"
        one = 1
        def double(x): return "mine"
        edit("layers.py", ("SCALE = 1", "SCALE = 5"), ("2 * x", "20 * x"))
        ece662.reload()
        assert SCALE == "mine" and one == 1 and double(1) == "mine"
        assert aliased(1) == 20
    """)


def test_reload_does_not_exchange_what_the_module_imported(session):
    session("""
        import numpy as np
        edit("layers.py", ("import numpy as np", "import math as np"))
        ece662.reload()
        assert np.__name__ == "numpy" and L.np.__name__ == "math"
    """)


def test_reload_new_name_reaches_those_who_imported_star(session):
    session("""
        edit("layers.py", ('"triple"]', '"triple", "fourfold"]'),
             ("class Layer:", "def fourfold(x):\\n    return double(double(x))\\n\\n"
              "class Layer:"))
        ece662.reload()
        assert fourfold(1) == 4
        edit("layers.py", ("2 * x", "20 * x"))
        ece662.reload()
        assert fourfold(1) == 400
    """)


def test_reload_new_name_does_not_reach_those_who_imported_one(session):
    session(
        """
        import ece662, pathlib
        from ece662.layers import double
        path = pathlib.Path(ece662.__file__).parent / "layers.py"
        path.write_text(path.read_text().replace('"triple"]', '"triple", "extra"]')
                        + "\\nextra = 1\\n")
        ece662.reload()
        assert "extra" not in globals()
        """,
        prelude="",
    )


def test_reload_new_name_does_not_overwrite_a_variable(session):
    session("""
        extra = "mine"
        edit("layers.py", ('"triple"]', '"triple", "extra"]'),
             ("SCALE = 1", "SCALE = extra = 1"))
        ece662.reload()
        assert extra == "mine" and L.extra == 1
    """)


def test_reload_removed_name_leaves_the_module(session):
    session("""
        edit("layers.py", ('"triple"]', ']'), ("def triple", "def other"))
        ece662.reload()
        assert not hasattr(L, "triple") and L.other(1) == 3
    """)


def test_reload_instances_have_the_new_methods(session):
    session("""
        layer, bound = Layer(), Layer().forward
        layer.weights = 7
        edit("layers.py", ("return SCALE * x", "return -x"), ('"old"', '"new"'),
             ("def gone(self)", "def come(self)"))
        ece662.reload()
        assert layer.forward(1) == bound(1) == -1
        assert layer.kind == "new" and layer.come() and not hasattr(layer, "gone")
        assert layer.weights == 7 and type(layer) is Layer is Base is L.Layer
    """)


def test_reload_subclasses_and_super_keep_working(session):
    session("""
        class Mine(Net):
            def forward(self, x):
                return super().forward(x) + 1
        mine = Mine()
        edit("layers.py", ("return SCALE * x", "return 100 * x"))
        edit("net.py", ("super().forward(double(x))", "super().forward(x)"))
        ece662.reload()
        for net_ in (mine, Mine()):
            assert net_.forward(1) == 101
        assert isinstance(mine, Net) and issubclass(Net, Base)
    """)


def test_reload_class_with_new_slots_is_bound_anew(session):
    session("""
        edit("layers.py", ('    kind = "old"', '    __slots__ = ("kind",)'))
        before = [Layer]
        ece662.reload()
        assert Layer is L.Layer is Base is net.Layer is not before[0]
        assert Layer().forward(3) == 3
    """)


def test_reload_class_with_a_new_base_reaches_instances(session):
    session("""
        layer = Layer()
        edit("layers.py", ("class Layer:", "class Root:\\n    root = True\\n\\n"
                           "class Layer(Root):"))
        heir = Net()
        ece662.reload()
        assert layer.root and isinstance(layer, Layer) and layer.forward(2) == 2
        assert heir.root and isinstance(heir, Layer) and heir.forward(2) == 4
    """)


def test_reload_decorated_functions_and_dataclasses_follow(session):
    session("""
        from ece662.odd import shout, cached as quick, Point
        point, held = Point(5), [shout]
        edit("odd.py", ("return x\\n", "return x + 1\\n"), ("self.x", "-self.x"),
             ("return x + 0", "return -x"))
        ece662.reload()
        assert shout(1) == held[0](1) == ("!", 2)
        assert quick(1) == -1
        assert point.norm() == -5 and Point(5) == point
    """)


def test_reload_runs_importers_after_what_they_import(session):
    printed = session("""
        edit("net.py", ("import SCALE, ", "import SCALE, fresh, "))
        edit("layers.py", ("SCALE = 1", "SCALE = 1\\nfresh = 2"))
        ece662.reload()
        assert net.fresh == 2
    """)
    assert printed == "reloaded ece662.layers, ece662.net\n"


def test_reload_package_keeps_its_submodules(session):
    session("""
        edit("__init__.py", ("reload", "reload\\nvalue = 1"))
        ece662.reload()
        assert ece662.value == 1 and ece662.layers is L
    """)


def test_reload_syntax_error_names_the_line_and_keeps_the_old_code(session):
    printed = session("""
        edit("layers.py", ("return 2 * x", "return 2 * (x"), ("times * x", "7 * x"))
        assert ece662.reload().reloaded == ()
        assert double(1) == 2 and triple(1) == 3
        edit("layers.py", ("return 2 * (x", "return 2 * (x + 1)"))
        ece662.reload()
        assert double(1) == 4 and triple(1) == 7
    """)
    assert printed == (
        "ece662/layers.py cannot be read, line 11: '(' was never closed\n"
        "    return 2 * (x\n"
        "Cells run the code from before the edit; checks fail.\n"
        "reloaded ece662.layers\n"
    )


def test_reload_error_while_running_puts_everything_back(session):
    printed = session("""
        before = dict(vars(L))
        edit("layers.py", ("2 * x", "20 * x"), ('"old"', '"new"'),
             ("return True", "return True\\n\\nvalue = undefined_name"))
        ece662.reload()
        assert double(1) == 2 and Layer.kind == "old" and vars(L) == before
    """)
    assert "line 27: NameError: name 'undefined_name' is not defined" in printed
    assert "    value = undefined_name" in printed


def test_reload_broken_file_does_not_hold_up_the_others(session):
    printed = session("""
        edit("layers.py", ("2 * x", "2 * * x"))
        edit("net.py", ("return SCALE", "return 9"))
        assert ece662.reload().reloaded == ("ece662.net",)
        assert net.scale() == 9
    """)
    assert printed.startswith("reloaded ece662.net\nece662/layers.py cannot be read")


def test_reload_traceback_shows_the_new_line(session):
    session("""
        import traceback
        edit("layers.py", ("return 2 * x", "y = 1\\n    raise ValueError(y)"))
        ece662.reload()
        try:
            double(1)
        except ValueError:
            last = traceback.format_exc().splitlines()[-2:]
            assert any("raise ValueError(y)" in line for line in
                       traceback.format_exc().splitlines())
    """)


def test_reload_function_that_went_and_came_back_is_new_in_all_hands(session):
    session("""
        held, default = {"f": double}, (lambda x, f=double: f(x))
        whole = (HERE / "layers.py").read_text()
        away = whole.replace("def double(x):", "def other(x):")
        (HERE / "layers.py").write_text(away)
        ece662.reload()
        for f in (double, aliased, held["f"], default, net.double):
            try:
                f(1)
            except NameError as error:
                assert str(error) == "there is no double in ece662/layers.py any more"
            else:
                raise AssertionError(f)
        assert not hasattr(L, "double") and L.other(1) == 2
        (HERE / "layers.py").write_text(whole.replace("2 * x", "20 * x"))
        ece662.reload()
        for f in (double, aliased, held["f"], default, net.double, L.double):
            assert f(1) == 20
        assert double is L.double and RULES["double"](1) == 20
    """)


def test_reload_method_and_class_that_went_and_came_back(session):
    session("""
        layer, bound = Layer(), Layer().forward
        whole = (HERE / "layers.py").read_text()
        edit("layers.py", ("def forward", "def backward"))
        ece662.reload()
        assert layer.backward(3) == 3
        for call in (lambda: layer.forward(1), lambda: bound(1)):
            try:
                call()
            except (AttributeError, NameError):
                continue
            raise AssertionError("forward is gone")
        edit("layers.py", ("class Layer", "class Other"))
        ece662.reload()
        for call in (Base, lambda: layer.backward(1)):
            try:
                call()
            except NameError as error:
                assert "there is no Layer in ece662/layers.py any more" == str(error)
            else:
                raise AssertionError("Layer is gone")
        (HERE / "layers.py").write_text(whole.replace("SCALE * x", "-x"))
        ece662.reload()
        assert layer.forward(1) == bound(1) == Base().forward(1) == -1
        assert type(layer) is L.Layer is Base and Base(). kind == "old"
    """)


def test_reload_function_made_from_another_leads_to_what_has_the_name(session):
    session("""
        held = [double]
        edit("layers.py", ("class Layer:", "double = (lambda f: lambda x: f(x) + 1)"
                           "(double)\\n\\n\\nclass Layer:"))
        ece662.reload()
        assert double(1) == held[0](1) == L.double(1) == RULES["double"](1) == 3
    """)


def test_reload_alias_that_becomes_a_function_takes_no_other_name_along(session):
    session("""
        edit("layers.py", ("def triple(x, times=3):\\n    return times * x",
                           "triple = double"))
        ece662.reload()
        assert triple is double
        edit("layers.py", ("triple = double", "def triple(x):\\n    return 3 * x"))
        ece662.reload()
        assert (double(1), triple(1), L.double(1), L.triple(1)) == (2, 3, 2, 3)
    """)


def test_reload_copy_kept_between_two_definitions_stays_the_first(session):
    session("""
        edit("layers.py", ("def triple", "slow = double\\n\\n\\ndef double(x):\\n"
                           "    return slow(x) + 100\\n\\n\\ndef triple"))
        ece662.reload()
        assert double(1) == L.double(1) == 102 and L.slow(1) == 2
    """)


def test_reload_constant_that_went_and_came_back_is_bound_anew(session):
    session("""
        edit("layers.py", ("SCALE = 1\\n", ""), ("SCALE * x", "x"),
             ('"SCALE", ', ""))
        edit("net.py", ("SCALE, ", ""), ("return SCALE", "return 1"))
        ece662.reload()
        edit("layers.py", ("def triple", "SCALE = 5\\n\\n\\ndef triple"))
        ece662.reload()
        assert SCALE == L.SCALE == 5
    """)


def test_reload_module_that_computed_from_a_changed_constant_runs_again(session):
    session("""
        edit("net.py", ("RULES =", "TWICE = 2 * SCALE\\nRULES ="))
        ece662.reload()
        edit("layers.py", ("SCALE = 1", "SCALE = 5"))
        assert ece662.reload().reloaded == ("ece662.layers", "ece662.net")
        assert net.TWICE == 10
    """)


def test_reload_importer_of_what_is_gone_is_reported_and_recovers(session):
    printed = session("""
        from ece662.live import problem_of
        edit("layers.py", ("def double", "def other"))
        assert len(ece662.reload().problems) == 1
        message = "cannot import name 'double' from 'ece662.layers' (ece662/layers.py)"
        assert message in problem_of("ece662.net")
        assert problem_of("ece662.net").startswith("ece662/net.py, line 2:")
        assert problem_of("ece662.layers") is None
        edit("layers.py", ("def other", "def double"))
        assert ece662.reload().problems == ()
        assert problem_of("ece662.net") is None
    """)
    assert "ece662/net.py, line 2: ImportError" in printed


BROKEN = {
    "empty": ("b''", "ece662/layers.py cannot be read: it is empty"),
    "blank": ("b' \\n \\n'", "ece662/layers.py cannot be read: it is empty"),
    "byte_order_mark": ("b'\\xef\\xbb\\xbf'", "layers.py cannot be read: it is empty"),
    "zero": ("text + b'\\0'", "cannot be read, line 26: it holds a zero byte"),
    "latin": ("text + b'# \\xe9'", "cannot be read, line 26: it is not utf-8"),
    "utf_16": ("text.decode().encode('utf-16')", "line 1: it is not UTF-8 but UTF-16"),
    "half": ("text[:200]", "cannot be read, line 19: "),
    "conflict": ("text + b'<<<<<<< mine\\n'", "cannot be read, line 26: invalid"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_reload_file_that_cannot_be_read_is_reported_until_it_is_mended(session, name):
    content, expected = BROKEN[name]
    printed = session(f"""
        path = HERE / "layers.py"
        text = path.read_bytes()
        path.write_bytes({content})
        for _ in range(2):
            assert len(ece662.reload().problems) == 1
        assert ece662.live.problem_of("ece662.layers")
        assert ece662.live.problem_of("ece662.net")
        assert double(1) == L.double(1) == RULES["double"](1) == 2
        path.write_bytes(text.replace(b"2 * x", b"20 * x"))
        ece662.reload()
        assert double(1) == L.double(1) == RULES["double"](1) == 20
        assert ece662.live.problem_of("ece662.net") is None
    """)
    assert printed.count(expected) == 2


def test_reload_file_that_is_gone_or_a_folder_is_reported(session):
    printed = session("""
        path = HERE / "layers.py"
        text = path.read_bytes()
        path.unlink()
        ece662.reload()
        path.mkdir()
        ece662.reload()
        assert double(1) == 2
        path.rmdir()
        path.write_bytes(text)
        ece662.reload()
        assert double(1) == 2 and ece662.live.problem_of("ece662.net") is None
    """)
    assert "ece662/layers.py cannot be read: it is not there" in printed
    assert "ece662/layers.py cannot be read: it is a folder" in printed


def test_reload_after_importlib_has_reloaded_everything_is_one_again(session):
    session("""
        import importlib, sys
        ece662.reload()
        held, layer = [double], Layer()
        edit("layers.py", ("2 * x", "20 * x"), ("SCALE * x", "-x"))
        importlib.reload(L)
        ece662.reload()
        assert double is L.double and layer.forward(1) == Layer().forward(1) == -1
        assert held[0](1) == double(1) == RULES["double"](1) == 20
        edit("layers.py", ("20 * x", "30 * x"))
        del sys.modules["ece662.layers"]
        import ece662.layers
        ece662.reload()
        assert L is sys.modules["ece662.layers"]
        assert held[0](1) == double(1) == L.double(1) == RULES["double"](1) == 30
        edit("layers.py", ("30 * x", "40 * x"))
        ece662.reload()
        assert held[0](1) == double(1) == L.double(1) == RULES["double"](1) == 40
    """)


def test_reload_of_a_file_whose_loading_never_ends_is_left(session):
    printed = session("""
        import os
        os.environ["ECE662_PATIENCE"] = "0.02"
        whole = (HERE / "layers.py").read_text()
        (HERE / "layers.py").write_text(whole + "\\nwhile True:\\n    SCALE += 1\\n")
        assert ece662.reload().reloaded == ()
        assert double(1) == 2 and SCALE == L.SCALE == 1
        (HERE / "layers.py").write_text(whole.replace("2 * x", "20 * x"))
        ece662.reload()
        assert double(1) == 20
    """)
    assert "ece662/layers.py, line 2" in printed
    assert ": stopped after 0.6 seconds while it was loaded" in printed


def test_reload_auto_without_a_notebook_says_what_to_do(session):
    assert "call ece662.reload()" in session("ece662.reload(auto=True)")


NOTEBOOK = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()

def cell(code):
    result = shell.run_cell(code)
    result.raise_error()
    return result.result

cell('''
import ece662
ece662.reload(auto=True)
from ece662.layers import *
from ece662 import layers
import pathlib
path = pathlib.Path(layers.__file__)
''')
path = shell.user_ns["path"]
"""


def test_reload_auto_runs_before_each_cell(session):
    pytest.importorskip("IPython")
    printed = session(
        """
        assert cell("double(1)") == 2
        path.write_text(path.read_text().replace("2 * x", "20 * x"))
        assert cell("double(1)") == 20
        path.write_text(path.read_text().replace("20 * x", "20 * * x"))
        assert cell("double(1)") == 20
        path.write_text(path.read_text().replace("20 * * x", "6 * x"))
        cell("ece662.reload(auto=True)")  # the set-up cell, run once more
        path.write_text(path.read_text().replace("6 * x", "7 * x"))
        assert cell("double(1)") == 7
        cell("ece662.reload(auto=False)")
        path.write_text(path.read_text().replace("7 * x", "8 * x"))
        assert cell("double(1)") == 7
        assert len(shell.events.callbacks["pre_run_cell"]) == 0
        """,
        prelude=NOTEBOOK,
    )
    assert printed.count("reloaded ece662.layers") == 3
    assert printed.count("line 11: invalid syntax") == 1
    assert "no file" not in printed


def test_reload_works_on_the_real_package(tmp_path):
    shutil.copytree(
        PACKAGE, tmp_path / "ece662", ignore=shutil.ignore_patterns("__pycache__")
    )
    code = """
import pathlib
import numpy as np
import ece662
from ece662.layers import affine_forward
from ece662.classifiers.fc_net import *
net = TwoLayerNet(input_dim=4, hidden_dim=3, num_classes=2)
x = np.ones((1, 4))
path = pathlib.Path(ece662.__file__).parent / "layers.py"
import re
signature = r"(?s)(def affine_forward\\(.*?:\\n)"
path.write_text(re.sub(signature, r"\\1    x = 0 * x - 5\\n", path.read_text()))
assert not np.allclose(net.loss(x), -5 * net.params["W1"].sum())
scores = net.loss(x)
ece662.reload()
assert (affine_forward(x, np.eye(4), np.zeros(4))[0] == -5).all()
assert not np.allclose(net.loss(x), scores)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "reloaded ece662.layers\n"


def test_reload_sees_a_module_that_was_imported_between_two_edits(tmp_path):
    shutil.copytree(
        PACKAGE, tmp_path / "ece662", ignore=shutil.ignore_patterns("__pycache__")
    )
    code = """
import pathlib
import ece662
path = pathlib.Path(ece662.__file__).parent / "optim.py"
text = path.read_text()
path.write_text(text + "\\nADDED = 1\\n")
from ece662 import optim
path.write_text(text)
ece662.reload()
assert not hasattr(optim, "ADDED")
"""
    for _ in range(2):  # the second time there is bytecode
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout == "reloaded ece662.optim\n"


@pytest.mark.skipif(sys.version_info < (3, 14), reason="annotations are computed early")
def test_reload_of_an_annotation_that_names_what_is_defined_below(session):
    session("""
        edit("layers.py", ("def double(x):", "def double(x: Later):"),
             ("class Layer:", "class Later: ...\\nclass Layer:"))
        assert not ece662.live.refresh().problems
        assert aliased.__annotations__ == {"x": L.Later}
    """)
