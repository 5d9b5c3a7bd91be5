"""The answers to the self-tests: sealed from their source, and readable nowhere."""

import ast
import json
from pathlib import Path

import pytest

from course.questions import PATH, SOURCE, make_sealed, read_answers
from ece662.check.answered import answers_in
from ece662.check.questions import QUESTIONS, grade

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
ANSWERS = read_answers()


def test_sealed_file_is_that_of_the_answers():
    assert PATH.read_text("utf-8") == make_sealed()


@pytest.mark.parametrize("id", ANSWERS)
def test_every_answer_gets_its_sentence(id):
    question, answer = QUESTIONS[id], ANSWERS[id]
    assert grade(question, answer["right"]) == (True, answer["because"])
    for other, sentence in answer["wrong"].items():
        assert grade(question, other) == (False, sentence)
        assert sentence.endswith((".", "?"))
    if question.kind == "number":
        beside = answer["right"] + 1.6 * question.within
        assert not grade(question, beside)[0]


def test_notebooks_ask_every_question_once_and_answer_none():
    asked = {}
    for path in NOTEBOOKS:
        found = answers_in(json.loads(path.read_text("utf-8")))
        assert set(found.values()) == {...}, path.name
        assert not asked.keys() & found.keys()
        asked |= found
    assert asked.keys() == QUESTIONS.keys()


def test_every_prediction_has_an_outcome_that_is_measured():
    for path in NOTEBOOKS:
        cells = json.loads(path.read_text("utf-8"))["cells"]
        sources = ["".join(cell["source"]) for cell in cells]
        for id in answers_in({"cells": cells}):
            if not QUESTIONS[id].is_prediction:
                continue
            before = next(i for i, s in enumerate(sources) if f'predict("{id}"' in s)
            after = next(i for i, s in enumerate(sources) if f'outcome("{id}"' in s)
            assert after > before + 1, id
            call = ast.parse(sources[after]).body[-1].value
            measured = {n.id for n in ast.walk(call.args[1]) if isinstance(n, ast.Name)}
            assert measured, id


def test_no_text_of_an_answer_is_shipped():
    from course.release import shipped_files

    texts = [a["because"] for a in ANSWERS.values()]
    texts += [s for a in ANSWERS.values() for s in a["wrong"].values()]
    assert len(texts) > 100
    assert SOURCE.relative_to(ROOT) not in shipped_files(ROOT)
    for file in shipped_files(ROOT):
        if file.suffix in {".py", ".toml", ".md", ".ipynb"}:
            shipped = (ROOT / file).read_text("utf-8")
            assert [text for text in texts if text in shipped] == [], file
