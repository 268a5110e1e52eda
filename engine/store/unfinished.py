"""What was asked for in a study and has no result: after closing, cancelling, failing or a crash.

It is read from two places: the lists of what was asked (:mod:`engine.store.asked`) and the
checkpoints, which say how far a computation came. What another process computes now is not
unfinished.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.specs.schema import Spec, SpecError, from_dict
from engine.specs.variants import absent_words
from engine.store import asked, hdf5
from engine.store.asked import Asked
from engine.store.hdf5 import FileError
from engine.store.study import Study

TIDYING = 1.0  # seconds
SETTLE = 10.0  # seconds in which a drive usually takes what was asked for
NO_SPEC = "An unfinished computation of an earlier version"


@dataclass(frozen=True)
class Unfinished:
    """A computation without a result.

    Attributes
    ----------
    key
        The key that its record will have.
    spec
        What it computes; None if only a checkpoint is left that does not say so. It goes on when
        the same is asked for again.
    done, total
        Epochs that its checkpoint holds, and that it takes; 0 if there is none or they are unknown.
    saved
        Whether it has a checkpoint.
    lacks
        Which plugins its spec needs that are not loaded, in words.
    """

    key: str
    spec: Spec | None
    done: int = 0
    total: int = 0
    saved: bool = False
    lacks: str = ""

    @property
    def title(self) -> str:
        """The title of the spec."""
        if self.spec is None:
            return f"An unfinished computation that needs {self.lacks}" if self.lacks else NO_SPEC
        return self.spec.title

    @property
    def kind(self) -> str:
        """The kind of the spec, or "" if it is unknown."""
        return self.spec.kind if self.spec is not None else ""

    @property
    def progress(self) -> str:
        """How far it is, such as "epoch 21 of 30"."""
        if not self.saved:
            return "not begun"
        if not self.done:
            return "begun"
        return f"epoch {self.done:,} of {self.total:,}" if self.total else f"epoch {self.done:,}"


def unfinished(
    study: Study,
    own: Asked | None = None,
    going: Collection[str] = (),
    known: Callable[[str], Spec | None] = lambda key: None,
) -> list[Unfinished]:
    """Return what is unfinished in a study, in the order in which it was asked for.

    Parameters
    ----------
    own
        The list that this process writes, if it computes in the study.
    going
        Keys of what this process computes now.
    known
        Returns the spec of a key if this process has it; reading thousands of them takes seconds.
    """
    if own is not None:
        own.settle(SETTLE)
    wanted: dict[str, str] = {}
    elsewhere: set[str] = set(going)
    for path in asked.files(study.path):
        found = asked.lines_in(path)
        if (own is None or path != own.path) and asked.is_written(path):
            elsewhere |= found.keys()
        else:
            wanted |= found
    saved = {path.stem: path for path in sorted((study.path / "checkpoints").glob("*.h5"))}
    gone = {entry.key for entry in study.entries} | elsewhere
    keys = [key for key in dict.fromkeys([*wanted, *saved]) if key not in gone]
    rows = [_row(key, known(key), wanted.get(key), saved.get(key)) for key in keys]
    # A list whose spec this version does not know, and no checkpoint: nothing to go on with.
    return [row for row in rows if row.spec is not None or row.saved or row.lacks]


def discard(study: Study, keys: Iterable[str], own: Asked | None = None) -> None:
    """Delete the checkpoints of these computations, and forget that they were asked for.

    Raises
    ------
    OSError
        If the study's folder cannot be written.
    """
    dropped = set(keys)
    for path in asked.files(study.path):
        if own is not None and path == own.path:
            own.discard(dropped)
            continue
        listed = asked.lines_in(path).keys()
        if listed & dropped:
            asked.keep_only(path, listed - dropped)
    for key in dropped:
        (study.path / "checkpoints" / f"{key}.h5").unlink(missing_ok=True)


def tidy(study: Study) -> None:
    """Remove the lists of ended processes in which everything has a result."""
    have = {entry.key for entry in study.entries}
    for path in asked.files(study.path):
        with suppress(OSError):  # a folder that cannot be written keeps its lists
            if not asked.lines_in(path).keys() - have:
                asked.keep_only(path, set())


def tidy_soon(study: Study, own: Asked, timeout: float) -> None:
    """Call :func:`tidy` once a list is written; wait for it ``timeout`` s, at most ``TIDYING``.

    A drive that does not answer keeps its lists, which the end of the next run tidies.
    """

    def work() -> None:
        if own.settle(TIDYING):
            tidy(study)

    tidying = threading.Thread(target=work, name="isthmus-tidying", daemon=True)
    tidying.start()
    tidying.join(min(TIDYING, timeout))


def _row(key: str, known: Spec | None, line: str | None, checkpoint: Path | None) -> Unfinished:
    listed = None if known is not None or line is None else asked.spec_in(line)
    documents: Any = {}
    if checkpoint is not None:
        try:
            # Going on verifies the file; here its checksum would cost reading all the weights.
            documents = hdf5.read_unsealed(checkpoint, only_documents=True).documents
        except (OSError, FileError):
            checkpoint = None
    spec = known or _spec(key, listed) or _spec(key, documents.get("spec"))
    fit = documents.get("fit")
    done = fit.get("epoch") if isinstance(fit, dict) else 0
    epochs = getattr(spec, "epochs", 0)
    return Unfinished(
        key,
        spec,
        done if isinstance(done, int) else 0,
        epochs if isinstance(epochs, int) else 0,
        checkpoint is not None,
        "" if spec is not None else absent_words([listed, documents.get("spec")]),
    )


def _spec(key: str, data: Any) -> Spec | None:
    """Return the spec of a JSON form, if this version knows it under the same key."""
    if not isinstance(data, dict):
        return None
    try:
        spec = from_dict(data, Spec)
    except SpecError:
        return None
    return spec if spec.key == key else None
