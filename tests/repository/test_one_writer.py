"""One module writes files and puts them in place; every other way has its reason."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ALONE = {("os", "replace"), ("os", "rename"), ("os", "renames"), ("shutil", "move")}
WRITING_METHODS = {
    "write_text", "write_bytes", "tofile", "to_csv", "savefig", "imsave", "imwrite",
    "save", "savez", "savez_compressed", "savetxt", "save_file", "copy2", "copyfile",
    "copytree", "extractall", "NamedTemporaryFile", "mkstemp", "touch", "truncate",
}  # fmt: skip
OPENING = {"open", "fdopen", "ZipFile", "TarFile", "GzipFile", "FileIO"}
# What is written in another way, by module, and why that is right.
WRITTEN_BY_ITSELF = {
    "ece662/_files.py": ["open", "open"],
    # within `writing`, which hands them the file:
    "ece662/training/checkpoint.py": ["savez"],
    "ece662/check/signatures.py": ["savez_compressed"],
    "ece662/commands/data.py": ["save"],
    "ece662/commands/packing.py": ["ZipFile"],
    "course/grade/gradescope.py": ["ZipFile"],
    # by a method or a function of that name, which calls `writing` in the end:
    "course/grade/reports/answers.py": ["save"],
    "ece662/check/progress.py": ["save"],
    "ece662/check/verdicts.py": ["save"],
    "ece662/training/callbacks.py": ["save"],
    # into memory:
    "ece662/figures/moving.py": ["imwrite", "imwrite"],
    "ece662/figures/texts.py": ["save"],
    "ece662/pruning/store.py": ["save"],
    "ece662/pruning/sparse.py": ["save"],
    "ece662/widgets/_base.py": ["save"],
    # a line added to what is there, and read so that half a line does no harm:
    "course/grade/run.py": ["open"],
    "ece662/widgets/_search.py": ["open"],
    # pipes, os.devnull, and what a process leaves behind about its end:
    "course/grade/workers/child.py": ["fdopen"],
    "ece662/commands/check.py": ["FileIO", "open", "open"],
    "ece662/commands/cli.py": ["fdopen", "open", "open"],
    # an empty file, which is there or not:
    "ece662/commands/frameworks.py": ["touch"],
    # in a new folder that is given its name when it is whole:
    "course/release.py": ["write_bytes", "write_bytes"],
    "ece662/data/cache.py": ["open", "save"],
    # in a folder that lives as long as the process:
    "course/grade/marks/pristine.py": [
        "copyfile",
        "copytree",
        "copytree",
        "write_text",
    ],
    "course/grade/workers/worker.py": ["write_text", "write_text"],
    "course/sandbox/check.py": ["write_text"],
    "course/sandbox/probe.py": ["truncate"],
    "course/sandbox/runtime.py": ["copyfile", "copytree", "open"],
    "course/sandbox/scratch.py": ["open", "open"],
    "ece662/commands/lab.py": ["write_text"],
    "ece662/fast/_kernels/builder.py": ["copy"],
    # a class that is made up, in a new folder:
    "course/grade/classroom.py": ["ZipFile", "write_text"],
}


def writes_in(source):
    """Return the calls of a module that write a file, or open one to write, sorted."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        owner = ast.unparse(getattr(node.func, "value", ast.Constant(None)))
        if name in OPENING and _may_write(name, owner, node):
            found.append(name)
        if name in WRITING_METHODS or (name, owner) == ("copy", "shutil"):
            found.append(name)
    return sorted(found)


def _may_write(name, owner, node):
    """Tell whether a call opens to write: by its mode, or by flags of `os.open`."""
    of_path = name == "open" and isinstance(node.func, ast.Attribute)
    of_path = of_path and owner not in {"os", "io", "gzip", "bz2", "lzma", "tarfile"}
    given = [*node.args[0 if of_path else 1 :][:1]]
    given += [k.value for k in node.keywords if k.arg in ("mode", "flags")]
    if owner == "os" and name == "open":
        flags = ast.unparse(given[0]) if given else ""
        return any(word in flags for word in ("O_WRONLY", "O_RDWR", "O_CREAT"))
    modes = [arg.value for arg in given if isinstance(arg, ast.Constant)]
    modes = [mode for mode in modes if isinstance(mode, str)]
    return any(set(mode.partition(":")[0]) & set("wax+") for mode in modes)


@pytest.mark.parametrize(
    "source",
    [
        "open(a, 'w')", "open(a, mode='ab')", "io.open(a, 'x')", "open(a, 'r+')",
        "os.open(a, os.O_RDWR)", "array.tofile(a)", "shutil.copy(a, b)",
        "path.open('w')", "path.write_text(a)", "Path(a).write_bytes(b)", "np.savez(a)",
        "frame.to_csv(a)", "plt.savefig(a)", "shutil.copyfile(a, b)",
        "gzip.open(a, 'wb')",
        "zipfile.ZipFile(a, 'w')", "tarfile.open(a, 'w:gz')", "model.save(a)",
    ],
)  # fmt: skip
def test_writes_in_finds_each_way(source):
    assert writes_in(source)


def test_writes_in_leaves_readers_alone():
    for source in (
        "open(a)", "open(a, 'rb')", "path.open()", "zipfile.ZipFile(a)",
        "config.copy()", "os.open(a, os.O_RDONLY)", "file.write(a)",
        "tarfile.open(fileobj=a, mode='r:')",
    ):  # fmt: skip
        assert writes_in(source) == []


def test_every_other_way_to_write_has_its_reason():
    found = {
        path.relative_to(ROOT).as_posix(): ways
        for folder in ("ece662", "course")
        for path in (ROOT / folder).rglob("*.py")
        if (ways := writes_in(path.read_text("utf-8")))
    }
    assert found == WRITTEN_BY_ITSELF


def renames_in(source):
    """Return the lines that rename a file: by os, by shutil, by a path's method."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            names = {(node.module, alias.name) for alias in node.names}
            found += [node.lineno] * bool(names & ALONE)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            name = owner.id if isinstance(owner, ast.Name) else ""
            by_path = node.func.attr == "rename" and len(node.args) == 1
            if (name, node.func.attr) in ALONE or (by_path and name != "self"):
                found.append(node.lineno)
    return found


def test_renames_in_finds_each_way():
    for source in (
        "os.replace(a, b)", "os.rename(a, b)", "shutil.move(a, b)", "path.rename(b)",
        "from os import replace",
    ):  # fmt: skip
        assert renames_in(source) == [1]
    assert renames_in("text.replace('a', 'b')") == []


def test_only_one_module_puts_files_in_place():
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in ("ece662", "course")
        for path in (ROOT / folder).rglob("*.py")
        if renames_in(path.read_text("utf-8"))
    }
    assert found == {"ece662/_files.py"}
