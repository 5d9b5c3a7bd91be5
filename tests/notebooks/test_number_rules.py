"""The rules for a notebook's numbers: what each lets through, and what it must not."""

import pytest
from number_rules import Rules, agree, numbers_in, skeleton

EPOCHS = """\
(Epoch 0 / 2) train acc: 0.170; val_acc: 0.160
(Iteration 1 / 60) loss: 1.884861
(Epoch 1 / 2) train acc: 0.350; val_acc: 0.310
(Epoch 2 / 2) train acc: 0.480; val_acc: 0.450
validation accuracy 45.0%, expected at least 40%
"""
RUNS = "sgd: accuracy 0.35\nsgd_momentum: accuracy 0.45\n"


def complaints(rules, computed, stored):
    """What a comparison says: the sentences about numbers, then those about facts."""
    rules = Rules(rules)
    return [*rules.compare(computed, stored)[1], *rules.broken_facts([computed])]


@pytest.mark.parametrize(
    ("computed", "stored"),
    [
        ("2.30050", "2.30051"),
        ("0.30000001", "0.3"),
        ("1.884861", "1.884862"),
        ("3e-10", "5e-9"),
        ("1.", "0.99999999"),
        ("nan", "nan"),
        ("-0.03927354", "-0.03927353"),
        ("6000", "6000"),
    ],
)
def test_agree_to_the_digits_shown(computed, stored):
    assert agree(computed, stored)


@pytest.mark.parametrize(
    ("computed", "stored"),
    [
        ("2.30050", "2.30053"),
        ("2.3", "2.4"),
        ("0.160", "0.161"),
        ("1.884861", "1.884865"),
        ("2.30047909", "2.3004"),
        ("2.3", "-2.3"),
        ("6000", "6001"),
        ("60000.", "60001."),
        ("3e-10", "3e-7"),
        ("1,200", "1,201"),
    ],
)
def test_agree_not_where_a_digit_differs(computed, stored):
    assert not agree(computed, stored)


def test_numbers_in_finds_numbers_and_where_they_stand():
    text = "Python 3.11.2, 32x32\nw 1e-9, expected below 1e-8; b: -2.5 of 3"
    first, second, third = numbers_in(text)
    assert (first.text, first.before, first.limit) == ("1e-9", "w ", ("below", "1e-8"))
    assert (second.text, second.before) == ("-2.5", "; b: ")
    assert (third.text, third.before) == ("3", " of ")
    assert third.line == "w 1e-9, expected below 1e-8; b: -2.5 of 3"


def test_thousands_are_one_number():
    text = "173,703 bytes of 1,200,000, at (3,4), 12,5 and 1,23"
    found = [number.text for number in numbers_in(text)]
    assert found == ["173,703", "1,200,000", "3", "4", "12", "5", "1", "23"]
    rules = ["... within 500"]
    assert complaints(rules, "of 1,703 bytes", "of 1,300 bytes") == []
    [said] = complaints(rules, "of 2,703 bytes", "of 1,300 bytes")
    assert '2,703 where 1,300 is stored; broken: "... within 500"' in said


def test_skeleton_keeps_words_versions_and_limits():
    text = "3.11.2 has 4 of 5.0, expected above 4"
    assert skeleton(text) == "3.11.2 has # of #, expected above 4"


@pytest.mark.parametrize(
    ("computed", "stored"),
    [
        ("dx error 3e-10, expected below 1e-8", "dx error 9e-9, expected below 1e-8"),
        ("61.2%, expected at least 40%", "58.9%, expected at least 40%"),
    ],
)
def test_compare_a_number_by_the_limit_printed_with_it(computed, stored):
    assert complaints([], computed, stored) == []


@pytest.mark.parametrize(
    ("computed", "stored"),
    [
        ("dx error 2e-8, expected below 1e-8", "dx error 3e-10, expected below 1e-8"),
        ("39.9%, expected at least 40%", "58.9%, expected at least 40%"),
        ("1, expected above 1", "2, expected above 1"),
    ],
)
def test_compare_names_the_limit_that_does_not_hold(computed, stored):
    (said,) = complaints([], computed, stored)
    assert f'broken: "{computed.partition(", ")[2].rstrip("%")}"' in said


@pytest.mark.parametrize(
    ("computed", "stored"),
    [
        ("4e-10, expected below 1e-8", "4e-10, expected below 1e-7"),
        ("loss nan", "loss 2.3"),
        ("a cat", "a dog"),
        ("1.0 2.0", "1.0"),
        ("Python 3.11.2", "Python 3.11.3"),
        ("one line", "one line\nand more"),
    ],
)
def test_compare_names_each_line_that_differs_in_more_than_numbers(computed, stored):
    text, said = Rules(["x within 100"]).compare(computed, stored)
    assert text == computed
    assert len(said) == 1
    assert "broken: the same words" in said[0]


def test_compare_names_the_limit_broken_in_a_line_with_other_words():
    stored = "one 1\ntwo 2\ndb error 2e-11, expected below 1e-8\n"
    computed = "one 1\ntwo 3\ndb error 0.82, expected below 1e-8  <- look again\n"
    other_number, other_words = complaints([], computed, stored)
    assert "3 where 2 is stored" in other_number
    assert other_words == (
        "'db error 0.82, expected below 1e-8  <- look again' where 'db error 2e-11, "
        'expected below 1e-8\' is stored; broken: the same words, "expected below 1e-8"'
    )


def test_compare_returns_the_stored_text_with_the_numbers_that_break_a_rule():
    text, said = Rules(["a within 0.1"]).compare("a 0.35 b 3.00001", "a 0.3 b 4")
    assert text == "a 0.3 b 3.00001"
    assert said == [
        "'a 0.35 b 3.00001': 3.00001 where 4 is stored; broken: the same to the "
        "digits shown, for no rule picks it"
    ]


RULES = ["train acc within 0.03", "val_acc within 0.02", "(Epoch 0 / 2) ... exact"]


@pytest.mark.parametrize(
    ("old", "new", "broken"),
    [
        ("0.350", "0.379", None),
        ("0.350", "0.381", "train acc within 0.03"),
        ("0.310", "0.290", None),
        ("0.310", "0.289", "val_acc within 0.02"),
        ("0.160", "0.161", "(Epoch 0 / 2) ... exact"),
        ("0.170", "0.171", "(Epoch 0 / 2) ... exact"),
        ("1.884861", "1.884961", "no rule picks it"),
        ("45.0%", "40.1%", None),
        ("45.0%", "39.9%", "expected at least 40"),
    ],
)
def test_within_holds_for_the_numbers_behind_its_words(old, new, broken):
    said = complaints(RULES, EPOCHS.replace(old, new), EPOCHS)
    assert len(said) == (broken is not None)
    assert not broken or broken in said[0]


def test_within_and_the_printed_limit_both_hold():
    rules = [*RULES, "validation accuracy within 2"]
    (said,) = complaints(rules, EPOCHS.replace("45.0%", "42.9%"), EPOCHS)
    assert "45.0 is stored" in said
    assert "validation accuracy within 2" in said


def test_words_are_whole_words_and_stand_behind_the_number_before():
    stored = "sgd 0.1 sgd_momentum 0.2 loss 0.3"
    said = complaints(["sgd within 9"], "sgd 0.5 sgd_momentum 0.6 loss 0.7", stored)
    assert len(said) == 2
    assert "0.6 where 0.2" in said[0]
    assert "0.7 where 0.3" in said[1]


@pytest.mark.parametrize(
    ("fact", "holds"),
    [
        ("val_acc rises by 0.2", True),
        ("val_acc rises by 0.3", False),
        ("val_acc falls", False),
        ("train acc rises", True),
        ("loss falls", False),
        ("val_acc at least 0.16", True),
        ("val_acc above 0.16", False),
        ("val_acc below 0.45", False),
        ("val_acc below 0.46", True),
        ("(Epoch 2 / 2) ... train acc above (Epoch 2 / 2) ... val_acc", True),
        ("(Epoch 2 / 2) ... train acc above (Epoch 2 / 2) ... val_acc by 0.04", False),
        ("(Epoch 2 / 2) ... val_acc below (Epoch 2 / 2) ... train acc by 0.02", True),
        ("train acc above (Epoch 2 / 2) ... val_acc", False),
        ("momentum above 0.1", False),
    ],
)
def test_fact_is_judged_on_the_computed_output(fact, holds):
    said = Rules([fact]).broken_facts([EPOCHS])
    assert (said == []) == holds
    assert all(fact in text for text in said)


def test_fact_compares_two_outputs_of_a_cell():
    fact = "sgd_momentum: ... above sgd: ... by 0.05"
    assert Rules([fact]).broken_facts(RUNS.splitlines()) == []
    worse = RUNS.replace("0.45", "0.39")
    assert Rules([fact]).broken_facts([worse]) == [
        f'broken: "{fact}": 0.39 against 0.35'
    ]


def test_fact_alone_lets_the_number_be_any_that_fits():
    fact = ["sgd_momentum: ... above sgd: ... by 0.05"]
    assert (
        complaints(fact, "sgd: accuracy 0.2\nsgd_momentum: accuracy 0.9\n", RUNS) == []
    )


@pytest.mark.parametrize(
    "line",
    [
        "val_acc",
        "within 0.02",
        "val_acc within",
        "val_acc within about 0.02",
        "val_acc within -0.02",
        "val_acc within nan",
        "val_acc falls by much",
        "adam above 0.3 by 0.1",
        "val_acc exactly",
        3,
    ],
)
def test_rules_refuse_what_is_no_rule(line):
    with pytest.raises(ValueError, match="is no rule; expected such as"):
        Rules([line])


def test_rules_refuse_a_text_in_the_place_of_a_list():
    with pytest.raises(ValueError, match="expected a list of rules"):
        Rules("val_acc within 0.02")


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("val_acc within 0.02", None),
        ("acc_val within 0.02", "picks no number of the output"),
        ("val_acc rises by 0.5", "from 0.160 to 0.450"),
    ],
)
def test_problems_of_rules_that_do_not_fit_the_stored_output(rule, problem):
    found = list(Rules([rule]).problems([EPOCHS]))
    assert len(found) == (problem is not None)
    assert not problem or problem in found[0]
