"""Queue failed computations again, unchanged or with another batch size."""

from __future__ import annotations

from collections.abc import Sequence

from engine.specs.schema import Field, Spec, SpecError, fields_of
from engine.specs.substitution import dependants, substituted


def batch_field(spec: Spec) -> Field | None:
    """Return the field of a spec that holds its batch size, or None."""
    return next((item for item in fields_of(type(spec)) if item.name == "batch_size"), None)


def again(failed: Sequence[Spec], dropped: Sequence[Spec]) -> list[Spec]:
    """Return the specs to queue again: those that failed and those dropped because of them."""
    found = {spec.key: spec for spec in failed}
    needing = {key: key in found for key in found}

    def needs(other: Spec) -> bool:
        # Each spec is looked at once, however many failed: whole plans are retried.
        if other.key not in needing:
            needing[other.key] = any(needs(parent) for parent in other.parents)
        return needing[other.key]

    found.update((other.key, other) for other in dropped if needs(other))
    return list(found.values())


def with_batch_size(
    failed: Spec, dropped: Sequence[Spec], batch_size: int
) -> tuple[list[Spec], int]:
    """Return the failed spec with another batch size, rebuilt dependants, and a count of others.

    The count is the number of dependants left out: those that cannot use the changed spec in place
    of the original one.
    """
    smaller = failed.replace("batch_size", batch_size)
    needing = dependants(failed, dropped)
    rebuilt = [found for other in needing if (found := _rebuilt(other, failed, smaller))]
    return [smaller, *rebuilt], len(needing) - len(rebuilt)


def _rebuilt(spec: Spec, failed: Spec, smaller: Spec) -> Spec | None:
    try:
        found = substituted(spec, failed, smaller)
    except SpecError:
        return None
    return None if dependants(failed, [found]) else found
