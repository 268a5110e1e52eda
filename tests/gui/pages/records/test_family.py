"""The tree of networks that were trained on from each other."""

from gui.pages.records.family import family
from gui.pages.records.origin import Origin
from tests import made_up_study as made_up


def chain():
    """Return a network, two that went on from it, one that went on from those, and a stranger."""
    root = made_up.network("linf", 0.1)
    first, second = root.continued(1), root.continued(3)
    third = second.continued(2)
    return root, first, second, third, made_up.network("l2", 0.5)


def test_that_the_tree_is_the_same_from_each_of_its_networks():
    root, first, second, third, stranger = chain()
    known = {spec.key: spec for spec in (root, first, second, third, stranger)}
    wanted = [(0, root.key), (1, first.key), (1, second.key), (2, third.key)]
    for spec in (root, first, second, third):
        assert family(spec.key, known) == wanted
    assert family(stranger.key, known) == []


def test_that_an_ancestor_that_is_not_in_the_study_still_joins_its_children():
    root, first, second, _, _ = chain()
    known = {spec.key: spec for spec in (first, second)}
    assert family(second.key, known) == [(0, root.key), (1, first.key), (1, second.key)]


def test_that_the_origin_shows_it_with_links_to_the_others(qtbot, tmp_path):
    root, first, second, third, _ = chain()
    study = made_up.Study(tmp_path / "a.isthmus", create=True)
    made_up.add_images(study)
    for spec in (root, first, second, third):
        made_up.add_network(study, spec)
    entries = {entry.key: entry for entry in study.entries}
    origin = Origin()
    qtbot.addWidget(origin)
    tree = family(third.key, {spec.key: spec for spec in (root, first, second, third)})
    origin.show_family(tree, third.key, entries)
    text = origin.family.text()
    assert [f'href="{spec.key}"' in text for spec in (root, first, second, third)] == [
        *(True, True, True, False),
    ]
    assert "(this one)" in text
    assert text.count("↳") == 3
    assert not origin.family.isHidden()
    origin.show_family([], third.key, entries)
    assert origin.family.isHidden()
