"""Self-tests and predictions: what may be answered, what is said, what is noted."""

import json

import pytest

from ece662.check.answered import answers_in, questions_of
from ece662.check.questions import QUESTIONS, grade, outcome, predict, self_test
from ece662.check.sealing import opened, sealed

TESTS = [q for q in QUESTIONS.values() if not q.is_prediction]
GUESSES = [q for q in QUESTIONS.values() if q.is_prediction]


def test_sealed_text_is_opened_by_its_answer_alone():
    name, content = sealed("q1-x", "179", "right: ln 6, ≈ 1.79")
    assert "ln 6" not in content
    assert content.isascii()
    assert opened("q1-x", "179", {name: content}) == "right: ln 6, ≈ 1.79"
    assert opened("q1-x", "180", {name: content}) is None
    assert opened("q1-y", "179", {name: content}) is None


def test_every_notebook_has_four_self_tests_and_two_predictions():
    for stem in ("q1", "q2", "q3", "q4", "q5-torch", "q5-tf", "q6"):
        of_it = [q for q in TESTS if q.id.startswith(f"{stem}-")]
        assert len(of_it) >= 4, stem
        assert sum(q.id.startswith(f"{stem}-") for q in GUESSES) >= 2, stem


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=lambda q: q.id)
def test_question_is_whole(question):
    assert question.asks.endswith(("?", "."))
    assert (question.kind == "number") == (question.within > 0)
    assert (question.kind == "number") == (not question.options)
    assert len(set(question.options)) == len(question.options)
    assert not question.names or len(question.names) == len(question.options)
    if question.kind != "choice" and not question.is_prediction:
        assert question.otherwise.endswith((".", "?"))


def test_self_test_asks_and_says_how_to_answer():
    said = str(self_test("q1-dw-shape", ...))
    assert said.startswith('Self-test: self_test("q1-dw-shape", ...)')
    assert "  b) dout @ w.T" in said.splitlines()
    assert "one letter from a to c, in quotes" in said
    assert str(self_test("q1-dw-shape")) == said


@pytest.mark.parametrize("answer", ["a", "A", " a "])
def test_self_test_right_says_why(answer):
    said = self_test("q1-dw-shape", answer)
    assert said.headline == "Self-test: right"
    assert "You: a) X.T @ dout" in said.lines
    assert "shape of w" in said.lines[-1]
    assert "X.T @ dout" in said._repr_html_()


def test_self_test_wrong_says_what_that_answer_is():
    said = self_test("q1-dw-shape", "b")
    assert said.headline == "Self-test: not yet"
    assert "that product is dx" in said.lines[-1]


@pytest.mark.parametrize("answer", [1.79, 2.0, -1, 0, "5e3"])
def test_self_test_number_nobody_thought_of_gets_the_general_word(answer):
    said = self_test("q2-running-mean", answer)
    assert said.headline == "Self-test: not yet"
    asked = QUESTIONS["q2-running-mean"]
    assert (said.lines[-1] == asked.otherwise) == (answer != 2.0)


@pytest.mark.parametrize("answer", [2.3, 2.303, "2.30", 2.3026, 2.31])
def test_self_test_number_may_be_off_by_a_little(answer):
    assert self_test("q1-loss-of-a-guess", answer).headline == "Self-test: right"


@pytest.mark.parametrize("answer", [2.28, 2.33, 23.03])
def test_self_test_number_may_not_be_off_by_more(answer):
    assert self_test("q1-loss-of-a-guess", answer).headline == "Self-test: not yet"


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("q1-dw-shape", "d"),
        ("q1-dw-shape", "ab"),
        ("q1-dw-shape", ""),
        ("q1-dw-shape", 1),
        ("q1-dw-shape", None),
        ("q1-loss-of-a-guess", "many"),
        ("q1-loss-of-a-guess", True),
        ("q1-loss-of-a-guess", float("nan")),
        ("q1-loss-of-a-guess", [1]),
    ],
)
def test_what_is_no_answer_is_said_and_nothing_raised(name, answer):
    said = self_test(name, answer)
    assert said.headline == "Self-test: no answer yet"
    assert "xpected" in said.lines[0]
    assert repr(answer) in said.lines[0]


@pytest.mark.parametrize("guess", ["abx", "ab", "aab", 3])
def test_what_is_no_order_is_said(guess):
    said = predict("q2-batch-sizes-order", guess)
    assert said.headline == "Predict first: nothing noted"
    assert "the letters abc in your order" in said.lines[0]


@pytest.mark.parametrize("call", [self_test, predict, lambda name: outcome(name, 1)])
def test_unknown_question_names_those_that_there_are(call):
    with pytest.raises(ValueError, match="q2-"):
        call("q9-nothing")


def test_outcome_stands_beside_the_prediction():
    assert predict("q2-batch-sizes-order", "c, b, a").headline.endswith("noted")
    said = outcome("q2-batch-sizes-order", [50, 10, 5])
    assert said.headline == "What happened: as you thought"
    assert "It was: 50, 10, 5 pictures in a batch" in said.lines
    said = outcome("q2-batch-sizes-order", ["5", "10", "50"])
    assert said.headline == "What happened: not as you thought"
    assert "You thought: 50, 10, 5 pictures in a batch" in said.lines


def test_outcome_of_a_number_is_close_enough_within_its_bound():
    predict("q4-overlap-middle", 4)
    assert outcome("q4-overlap-middle", 1.0).headline.endswith("not as you thought")
    predict("q4-overlap-middle", 1)
    assert outcome("q4-overlap-middle", 1.3).headline.endswith(": as you thought")


def test_outcome_without_a_prediction_says_so():
    predict("q4-overlap-middle", 1)
    predict("q4-overlap-middle", ...)  # taken back
    said = outcome("q4-overlap-middle", 1)
    assert said.headline == "What happened"
    assert "You have not predicted it" in said.lines[-1]


def test_outcome_refuses_what_no_experiment_can_show():
    with pytest.raises(ValueError, match="expected one letter from a to c"):
        outcome("q2-scales-count", "d")


def test_html_escapes_what_a_student_wrote():
    assert "<b>x" not in self_test("q1-dw-shape", "<b>x")._repr_html_()


# ---------------------------------------------------------------- in a saved notebook


def notebook(*sources):
    return {"cells": [{"cell_type": "code", "source": source} for source in sources]}


def test_answers_are_read_from_the_cells():
    found = answers_in(
        notebook(
            'self_test("q1-dw-shape", "a")',
            ["%time\n", 'self_test("q1-parameters", 7)'],
            'x = 1\npredict("q1-signal-depth", ...)',
            'predict("q1-six-layers-lead")',
            'self_test("q1-signal-depth", "a")',  # that one is a prediction
            'self_test("q1-linear-stack", answer="b")',
            'self_test("q1-adam-first-step", 1e-3 * n)',
            'self_test("q1-momentum-steps", ',
            "predict(model, loader)",
        )
    )
    assert found == {
        "q1-dw-shape": "a",
        "q1-parameters": 7,
        "q1-signal-depth": ...,
        "q1-six-layers-lead": ...,
        "q1-linear-stack": "b",
    }


@pytest.mark.parametrize("damaged", [{}, [], {"cells": None}, {"cells": [1, {}]}])
def test_a_damaged_notebook_has_no_answers(damaged):
    assert answers_in(damaged) == {}


def test_questions_of_a_notebook_in_one_line(tmp_path):
    path = tmp_path / "Q1.ipynb"
    assert str(questions_of(path)) == ""
    cells = ['self_test("q1-dw-shape", "a")', 'self_test("q1-parameters", 7)']
    cells += ['self_test("q1-linear-stack", "x")', 'predict("q1-signal-depth", "c")']
    cells += ['predict("q1-six-layers-lead", 3)']
    path.write_text(json.dumps(notebook(*cells)), encoding="utf-8")
    assert str(questions_of(path)) == (
        "self-tests: 1 of 3 right (open: q1-parameters, q1-linear-stack); "
        "predictions: 1 of 2 made"
    )


def test_grade_refuses_what_is_no_answer():
    with pytest.raises(ValueError, match="expected a number"):
        grade(QUESTIONS["q1-parameters"], "few")
