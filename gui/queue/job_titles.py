"""Titles of computations that tell networks of one title apart, as the pages' lists do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.specs import ClassifierSpec
from engine.specs.distinguish import networks_apart
from engine.specs.schema import Spec

MOST = 500  # networks that are compared, and computations that are named


def titles_apart(
    specs: Sequence[Spec], stored: Sequence[ClassifierSpec], titles: Mapping[str, str]
) -> dict[str, str]:
    """Return the titles of those computations by key whose network has not its title alone.

    Parameters
    ----------
    specs
        The computations.
    stored
        The networks of the study.
    titles
        Titles of the study's records by key, of which the user may have chosen some.
    """
    if len(specs) > MOST:
        return {}
    of = {spec.key: network for spec in specs if (network := _network(spec)) is not None}
    every = {network.key: network for network in [*stored, *of.values()]}
    if not of or len(every) > MOST:
        return {}
    plain = [titles.get(key, network.title) for key, network in every.items()]
    named = zip(every, plain, networks_apart(plain, list(every.values())), strict=True)
    names = {key: name for key, title, name in named if name != title}
    return {
        spec.key: spec.title.replace(of[spec.key].title, names[of[spec.key].key])
        for spec in specs
        if spec.key in of and of[spec.key].key in names
    }


def _network(spec: Spec) -> ClassifierSpec | None:
    """Return the network that a computation trains or looks at, if it is one."""
    found = spec if isinstance(spec, ClassifierSpec) else getattr(spec, "classifier", None)
    return found if isinstance(found, ClassifierSpec) else None
