"""F-strings that hold strings with their own quotes, as Python 3.12 reads them."""

import io
import sys
import tokenize

import pytest

from ece662.exercises import fstrings
from ece662.exercises.lines import LineKind, scan
from ece662.exercises.regions import END, START, fill, read

NESTED = {
    "f'''{f'''\na\n'''}\nb'''\nc": {2, 3, 4},
    'f"""{", ".join(f"""{x}\n"""\nfor x in y)}"""\nc': {2, 3},
    'f"{d["key"]}"\nc': set(),
    'f"{x:{w}}" + """\na"""\nc': {2},
    "f'{x!r:>{'''\n3'''}}'\nc": {2},
    "f'{\nx\n}'\nc": {2, 3},
    "f'''{{ {x} }}\n'''\nc": {2},
    "f'{x\nc": {2},
    "f'open\nc": set(),
    'rf"\\{x}" "#"\nc': set(),
    "f'''{x # '''\n}'''\nc": {2},
    "f'\\N{LATIN SMALL LETTER A}{x}'\nc": set(),
}
PLAIN = {
    "f'''{f'''\na\n'''}\nb'''\nc": {4},
    "f'''a\n{x}'''\nc": {2},
    "if'''a\n'''\nc": {2},
}


def inside(text):
    """The lines that begin within a string."""
    lines = enumerate(scan(text), start=1)
    return {n for n, line in lines if line.kind is LineKind.INSIDE}


@pytest.mark.parametrize("text", NESTED)
def test_scan_follows_nested_strings_where_python_does(monkeypatch, text):
    monkeypatch.setattr(fstrings, "NESTED", True)
    assert inside(text) == NESTED[text]


@pytest.mark.parametrize("text", PLAIN)
def test_scan_ends_a_string_at_the_next_quotes_where_python_does(monkeypatch, text):
    monkeypatch.setattr(fstrings, "NESTED", False)
    assert inside(text) == PLAIN[text]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="reads no nested strings")
@pytest.mark.parametrize("text", [text for text in NESTED if text.endswith("c")])
def test_scan_reads_what_this_python_reads(text):
    found, begun = set(), []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            kind = tokenize.tok_name[token.type]
            if kind == "FSTRING_START":
                begun.append(token.start[0])
            elif kind in ("FSTRING_END", "STRING"):
                first = begun.pop() if kind == "FSTRING_END" else token.start[0]
                found |= set(range(first + 1, token.end[0] + 1))
    except tokenize.TokenError:
        pytest.skip("Python cannot read it")
    assert inside(text) == found


def test_fill_leaves_nested_strings_where_they_are(monkeypatch):
    monkeypatch.setattr(fstrings, "NESTED", True)
    module = f"def f():\n    {START}\n    pass\n    {END}\n"
    body = "if x:\n    y = f'''{f'''\ntext\n'''}\nmore'''\n    z = 1"
    filled = fill(module, "m.py", {("f", 1): body})
    assert "\n        y = f'''{f'''\ntext\n'''}\nmore'''\n        z = 1\n" in filled
    assert read(filled, "m.py")["f", 1].count("\ntext\n") == 1


def test_scan_of_many_strings_that_never_end_takes_time_in_proportion(monkeypatch):
    monkeypatch.setattr(fstrings, "NESTED", True)
    steps = []
    step = fstrings._in_code
    monkeypatch.setattr(fstrings, "_in_code", lambda *a: steps.append(1) or step(*a))
    counts = []
    for size in (100, 200):
        steps.clear()
        scan("x = f'{\ndef f():\n" * size)
        counts.append(len(steps))
    assert counts[1] < 3 * counts[0]
