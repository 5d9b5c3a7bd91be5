"""The class list is an interface: labels in files and notebooks follow it."""

import pytest

from ece662.data.classes import ALL_CLASSES, CLASSES, LIMITS, SPLITS, check_classes


def test_classes_order_is_the_label_order():
    assert CLASSES == ("airplane", "automobile", "bird", "cat", "deer", "dog")
    assert ALL_CLASSES[:6] == CLASSES
    assert len(set(ALL_CLASSES)) == 10


def test_splits_map_to_the_official_folders():
    assert dict(SPLITS) == {"train": "train", "val": "valid", "test": "test"}
    assert dict(LIMITS) == {"train": 9000, "val": 1700, "test": 1700}


def test_check_classes_keeps_the_order_asked():
    assert check_classes(["dog", "cat"]) == ("dog", "cat")
    assert check_classes(None, CLASSES) == CLASSES
    assert check_classes(name for name in ("frog",)) == ("frog",)


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ("dog", r"list of names, got the single string 'dog'"),
        ([], "at least one class"),
        (["dog", "wolf"], "expected classes among airplane, .* got 'wolf'"),
        (["dog", "dog"], "each class once, got dog, dog"),
    ],
)
def test_check_classes_says_what_was_expected_and_what_came(classes, message):
    with pytest.raises(ValueError, match=message):
        check_classes(classes)
