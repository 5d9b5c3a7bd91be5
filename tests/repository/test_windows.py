"""What a student runs calls nothing that Windows lacks, without asking first.

No machine here runs Windows. So the source is read: modules, functions and signals that
only POSIX has may be used where the same function asks for them, and nowhere else.
"""

import ast
import re
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import SimpleNamespace

import pytest
from setuptools import Distribution

ROOT = Path(__file__).parents[2]
SOURCES = [ROOT / "setup.py", *sorted((ROOT / "ece662").rglob("*.py"))]

MODULES = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios"}
CALLS = {
    "os": re.compile(
        r"fork\w*|kill(pg)?|get(e?[ug]id|pgid|loadavg|groups)|set(sid|[ug]id|pgid)|wait"
        r"\w*|uname|sched_\w+|mkfifo|l?chown|fchmod|chroot|statvfs|sysconf|symlink|nice"
        r"|O_(NOFOLLOW|DIRECTORY|CLOEXEC)|pread|pwrite|get_blocking|W[A-Z]+|EX_\w+"
    ),
    "signal": re.compile(
        r"SIG(KILL|ALRM|HUP|USR[12]|STOP|CONT|CHLD|PIPE|QUIT)|setitimer|alarm|pause"
        r"|pthread_\w+|sig(wait|pending)\w*"
    ),
    "time": re.compile(r"tzset|clock_\w+"),
}
PATH_METHODS = {"symlink_to", "hardlink_to"}
SHELL = {"system", "popen"}
# A function that asks in one of these ways has thought of Windows.
QUESTION = re.compile(
    r"hasattr\((os|signal)|os\.name|sys\.platform|suppress\((ImportError|OSError)"
    r"|except \(?(ImportError|ModuleNotFoundError)"
)


def findings(text):
    """List the lines that use what Windows lacks, without a question around them."""
    tree = ast.parse(text)
    asking = [
        range(node.lineno, node.end_lineno + 1)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and QUESTION.search(ast.get_source_segment(text, node))
    ]
    return [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(tree)
        if _is_posix_only(node) and not any(node.lineno in lines for lines in asking)
    ]


def _is_posix_only(node):
    if isinstance(node, ast.Import):
        return any(alias.name in MODULES for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        wanted = CALLS.get(node.module, re.compile("(?!)"))
        names = [alias.name for alias in node.names]
        return node.module in MODULES or any(map(wanted.fullmatch, names))
    if isinstance(node, ast.keyword):
        return node.arg in ("preexec_fn", "pass_fds", "dir_fd", "start_new_session")
    if not isinstance(node, ast.Attribute):
        return False
    if isinstance(node.value, ast.Name) and node.value.id in CALLS:
        of_a_shell = node.value.id == "os" and node.attr in SHELL
        return of_a_shell or bool(CALLS[node.value.id].fullmatch(node.attr))
    return node.attr in PATH_METHODS


def without_encoding(text):
    """List the calls that read or write text in the encoding of the computer."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        least = {"read_text": 1, "write_text": 2}.get(name)
        named = {keyword.arg for keyword in node.keywords}
        if least is not None and len(node.args) < least and "encoding" not in named:
            found.append(f"line {node.lineno}: {ast.unparse(node)}")
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_students_package_calls_nothing_that_windows_lacks(path):
    text = path.read_text("utf-8")
    assert findings(text) == []
    assert without_encoding(text) == []


@pytest.mark.parametrize(
    "line",
    [
        "import fcntl",
        "from resource import getrusage",
        "from signal import SIGKILL",
        "signal.signal(signal.SIGALRM, f)",
        "os.fork()",
        "cores = len(os.sched_getaffinity(0))",
        "path.symlink_to(other)",
        "os.system('ls')",
        "subprocess.run(words, start_new_session=True)",
        "path.read_text()",
        "path.write_text(text)",
    ],
)
def test_a_planted_line_is_found(line):
    text = f"def f():\n    {line}\n"
    assert findings(text) + without_encoding(text)


def test_a_question_is_respected_in_its_own_function_only():
    asked = "def f():\n    if hasattr(os, 'fork'):\n        os.fork()\n"
    assert findings(asked) == []
    assert findings(f"{asked}def g():\n    os.fork()\n") == ["line 5: os.fork"]


def test_no_file_of_the_repository_has_a_name_that_windows_refuses():
    for path in (ROOT / "ece662", ROOT / "notebooks", ROOT / "docs", ROOT / "tests"):
        names = [p.relative_to(ROOT).as_posix() for p in path.rglob("*")]
        assert not [name for name in names if re.search(r'[<>:"\\|?*]|[. ]$', name)]
        parts = {part.lower().partition(".")[0] for n in names for part in n.split("/")}
        assert not parts & {"con", "prn", "aux", "nul", "com1", "lpt1"}


def test_setup_does_not_give_the_kernels_to_microsofts_compiler(capsys, monkeypatch):
    spec = spec_from_file_location("setup_of_ece662", ROOT / "setup.py")
    setup = module_from_spec(spec)
    spec.loader.exec_module(setup)
    command = setup.BuildKernels(Distribution())
    command.compiler = SimpleNamespace(compiler_type="msvc")
    monkeypatch.delenv("ECE662_REQUIRE_KERNELS", raising=False)
    assert command.build_extension(None) is None
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("ece662: the fast layers were not compiled: Microsoft's")


@pytest.mark.parametrize(("name", "missing"), [("grade", "pwd"), ("grade", "resource")])
def test_staff_command_says_that_it_needs_linux(name, missing):
    code = f"import sys; sys.modules[{missing!r}] = None\n"
    code += "from course.cli import main\n"
    code += f"sys.exit(main([{name!r}, 'folder']))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith("ece662-staff grade needs Linux")
    assert len(done.stderr.splitlines()) == 1
