from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from engine.data.selection import draw, mixed, split, subset

LABELS = [0] * 50 + [1] * 30 + [2] * 4 + [3]
KEYS = [f"{label}/{k}.png" for k, label in enumerate(LABELS)]


def counts(chosen):
    return Counter(LABELS[k] for k in chosen)


def test_that_every_class_is_split_by_the_fraction():
    train, test = split(KEYS, LABELS, fraction=0.2, seed=0)
    assert sorted(train + test) == list(range(len(KEYS)))
    assert counts(test) == {0: 10, 1: 6, 2: 1}
    assert counts(train)[3] == 1


def test_that_no_class_with_two_images_lacks_a_part():
    for fraction in (0.01, 0.9):
        train, test = split(["a", "b"], [0, 0], fraction=fraction, seed=0)
        assert len(train) == len(test) == 1


def test_that_a_fraction_of_one_leaves_none_for_training():
    train, test = split([*KEYS, "alone"], [*LABELS, 9], fraction=1.0, seed=0)
    assert (train, len(test)) == ([], len(KEYS) + 1)


def test_that_a_fraction_of_nothing_leaves_all_for_training():
    assert split(KEYS, LABELS, fraction=0.0, seed=0)[1] == []


def test_that_a_split_depends_on_its_seed_alone():
    first = split(KEYS, LABELS, fraction=0.2, seed=0)
    assert split(KEYS, LABELS, fraction=0.2, seed=0) == first
    assert split(KEYS, LABELS, fraction=0.2, seed=1) != first


def test_that_another_class_does_not_move_the_split_of_this_one():
    _, alone = split(KEYS[:50], LABELS[:50], fraction=0.2, seed=0)
    _, together = split(KEYS, LABELS, fraction=0.2, seed=0)
    assert alone == [k for k in together if k < 50]


def test_that_the_split_of_these_names_is_what_it_always_was():
    # A change here would divide every stored study's images anew.
    keys = [f"{k}.png" for k in range(10)]
    assert split(keys, [0] * 10, fraction=0.3, seed=0)[1] == [1, 4, 6]


def test_that_a_subset_is_as_balanced_as_the_classes_allow():
    assert counts(subset(KEYS, LABELS, limit=4, seed=0)) == {0: 1, 1: 1, 2: 1, 3: 1}
    assert counts(subset(KEYS, LABELS, limit=25, seed=0)) == {0: 10, 1: 10, 2: 4, 3: 1}
    assert subset(KEYS, LABELS, limit=None, seed=0) == list(range(len(KEYS)))
    assert subset(KEYS, LABELS, limit=1000, seed=0) == list(range(len(KEYS)))


def test_that_a_larger_subset_contains_the_smaller_one():
    small = subset(KEYS, LABELS, limit=10, seed=3)
    assert set(small) <= set(subset(KEYS, LABELS, limit=20, seed=3))
    assert small != subset(KEYS, LABELS, limit=10, seed=4)


def test_that_the_first_images_speak_for_all_classes():
    labels = [0] * 40 + [1] * 40 + [2] * 20
    keys = [str(k) for k in range(100)]
    order = mixed(keys, labels, seed=0)
    assert sorted(order) == list(range(100))
    for first in (10, 20, 50):
        held = Counter(labels[k] for k in order[:first])
        assert abs(held[0] - 0.4 * first) <= 1
        assert abs(held[2] - 0.2 * first) <= 1


def test_that_a_drawing_of_balanced_classes_is_the_beginning_of_the_whole():
    labels = [k % 3 for k in range(30)]
    keys = [str(k) for k in range(30)]
    whole = draw(keys, labels, limit=None, seed=0)
    assert draw(keys, labels, limit=12, seed=0) == whole[:12]


@given(st.lists(st.integers(0, 4), max_size=30), st.integers(1, 40), st.integers(0, 3))
def test_that_a_subset_has_its_size_and_no_image_twice(labels, limit, seed):
    keys = [str(k) for k in range(len(labels))]
    chosen = subset(keys, labels, limit=limit, seed=seed)
    assert chosen == sorted(set(chosen))
    assert len(chosen) == min(limit, len(labels))
    held, available = Counter(labels[k] for k in chosen), Counter(labels)
    for label in available:
        if held[label] < available[label]:
            assert held[label] >= max(held.values()) - 1
