"""Names of outputs are read once, and no sentence decides anything."""

import ast
from pathlib import Path

import pytest

from ece662.check import diagnosis, examining, problems, wording
from ece662.check.code import make_code
from ece662.check.recipes import RECIPES
from ece662.check.running import inputs_of, run
from ece662.check.signatures import signature_of
from ece662.check.terms import Kind, Moment, Output, Role, Trait, read_output
from ece662.exercises import EXERCISES, find_exercise
from ece662.layers import affine_backward

ROOT = Path(__file__).parents[2]
JUDGES = [
    *(ROOT / "ece662" / "check").glob("*.py"),
    *(ROOT / "course" / "grade").rglob("*.py"),
    ROOT / "ece662" / "commands" / "status.py",
    ROOT / "ece662" / "commands" / "submit.py",
]

AFFIXES = ("startswith", "endswith", "removeprefix", "removesuffix")


@pytest.mark.parametrize(
    ("name", "output"),
    [
        ("dx", Output(Role.VALUE, "dx")),
        ("x unchanged", Output(Role.UNCHANGED, "x")),
        ("forward's out", Output(Role.FORWARD, "out")),
        ("own dW1", Output(Role.OWN, "dW1")),
        ("called adam", Output(Role.CALLED, "adam")),
        ("state bn_params.0", Output(Role.STATE, "bn_params.0")),
        ("w after step 12", Output(Role.VALUE, "w", Moment.STEP, 12)),
        ("out of batch 1", Output(Role.VALUE, "out", Moment.BATCH, 1)),
        ("out in test mode", Output(Role.VALUE, "out", Moment.TEST)),
        (
            "scores in test mode, after a step",
            Output(Role.VALUE, "scores", Moment.TEST),
        ),
    ],
)
def test_read_output_of_every_form(name, output):
    assert read_output(name) == output


def test_every_recipe_with_a_forward_gives_slopes_of_its_own_gradients():
    for exercise in EXERCISES:
        recipe = RECIPES.get(exercise.recipe)
        if recipe is None or recipe.forward is None:
            continue
        keys = run(exercise, make_code()).outputs
        read = [read_output(key.partition("/")[2]) for key in keys]
        own = {output.of for output in read if output.role is Role.OWN}
        judged = {output.of for output in read if output.role is Role.VALUE}
        assert own, exercise.id
        assert own <= judged | set(recipe.about.values()), exercise.id


def test_cases_and_outputs_that_recipes_speak_of_are_there():
    for exercise in EXERCISES:
        recipe = RECIPES.get(exercise.recipe)
        if recipe is not None and (recipe.about or recipe.test_cases):
            names = {
                key.partition("/")[2] for key in run(exercise, make_code()).outputs
            }
            assert set(recipe.about) <= names
            assert set(recipe.test_cases) <= set(recipe.cases)


def _method(call):
    return getattr(call.func, "attr", None)


def comparisons_of_sentences(path):
    """Return lines that compare text with a string of several words."""
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        compared = []
        if isinstance(node, ast.Compare):
            compared = [node.left, *node.comparators]
        elif isinstance(node, ast.Call) and _method(node) in AFFIXES:
            compared = node.args
        words = [
            part.value
            for side in compared
            for part in ast.walk(side)
            if isinstance(part, ast.Constant) and isinstance(part.value, str)
        ]
        found += [f"{path.name}:{node.lineno}" for text in words if " " in text.strip()]
    return found


def test_no_sentence_is_compared():
    assert [line for path in JUDGES for line in comparisons_of_sentences(path)] == []


# What finds out what went wrong; `wording` and `rendering` say it.
FINDERS = ("comparing", "diagnosing", "differences", "examining", "judging", "patterns")
FINDERS += ("problems", "running", "sketching", "training_runs", "traits")


def sentences_in(path):
    """Return texts of several words, docstrings and errors that are raised left out."""
    tree = ast.parse(path.read_text("utf-8"))
    apart = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr | ast.Raise):
            apart |= {id(part) for part in ast.walk(node)}
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in apart
        and node.value.count(" ") > 4
    ]


@pytest.mark.parametrize("name", FINDERS)
def test_what_finds_mistakes_puts_nothing_into_words(name):
    assert sentences_in(ROOT / "ece662" / "check" / f"{name}.py") == []


def test_every_kind_has_words():
    assert set(wording.SENTENCES) | set(wording.MADE) >= set(Kind)
    assert set(wording.TRAITS) == set(Trait)


def without_bias(x, w, b):
    return x.reshape(len(x), -1) @ w, (x, w, b)


def without_db(dout, cache):
    dx, dw, db = affine_backward(dout, cache)
    return dx, dw, 0 * db


def stops(x, w, b):
    raise ValueError("shapes do not fit")


def unfinished(x, w, b):
    raise NotImplementedError("affine_forward is yours to write")


def examined(id, functions):
    exercise = find_exercise(id)
    tried = run(exercise, make_code(functions))
    signature = signature_of(exercise)
    verdict, wrong = examining.examine(
        exercise, tried, inputs_of(exercise), signature, lambda need: None
    )
    return verdict.status, verdict.fault, wrong and wrong.id, wrong and wrong.message


@pytest.mark.parametrize("id", ["affine_forward", "affine_backward"])
@pytest.mark.parametrize("forward", [None, without_bias, stops, unfinished])
@pytest.mark.parametrize("backward", [None, without_db])
def test_rewording_every_sentence_changes_no_verdict(
    id, forward, backward, monkeypatch
):
    pairs = {"affine_forward": forward, "affine_backward": backward}
    functions = {name: function for name, function in pairs.items() if function}
    before = examined(id, functions)

    other_words = ("Etwas ganz anderes.", "Und nun?")
    monkeypatch.setattr(diagnosis, "words_of", lambda found: other_words)
    monkeypatch.setattr(problems, "problem_words", lambda *_: "Passed: not written.")
    after = examined(id, functions)
    assert after[:3] == before[:3]
    if before[2]:
        assert after[3] != before[3]
