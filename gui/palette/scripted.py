"""Commands of the window by name, for scripts: ``--do`` does them, ``--commands`` lists them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence

from PySide6.QtCore import QObject, Signal, Slot

from engine.texts import harmless, one_line
from gui.palette.commands import Command, searched
from gui.widgets.timer import timer

POLL_MS = 100
# A page that shows what a study brings may need so long until its buttons can be pressed.
PATIENCE_S = 60.0
_APART = re.compile("[›>]")
Offered = Callable[[], Sequence[Command]]


def named(commands: Iterable[Command], name: str) -> Command | None:
    """Return the command of a name such as "View > Trade-off", None if there is none.

    Its menu or page may be left out; capitals are free.

    Raises
    ------
    ValueError
        If several have the name.
    """
    wanted = [searched(part).strip() for part in _APART.split(name)]
    found = [
        one for one in commands if [searched(part) for part in one.path][-len(wanted) :] == wanted
    ]
    fitting = [one for one in found if len(one.path) == len(wanted)] or found
    if len(fitting) > 1:
        titles = " and ".join(f"“{one.title}”" for one in fitting)
        raise ValueError(f"“{name}” is the name of {titles}: write the whole name.")
    return fitting[0] if fitting else None


def listed(commands: Iterable[Command]) -> str:
    """Return the names of commands, a line each, with the keys behind a tab."""
    lines = [harmless(one_line(one.title)) + f"\t{one.keys}".rstrip() for one in commands]
    return "".join(f"{line}\n" for line in dict.fromkeys(lines))


class Script(QObject):
    """Does commands one after another, each once it can be done.

    Parameters
    ----------
    offered
        Returns what can be done now.
    is_ready
        Whether all that was named beside the commands is open.

    Signals
    -------
    ended
        All were done, or one cannot be, which ends the script: a sentence, "" if all were done.
    """

    ended = Signal(str)

    def __init__(
        self,
        names: Sequence[str],
        offered: Offered,
        is_ready: Callable[[], bool],
        parent: QObject | None = None,
    ):
        super().__init__(parent)
        self._left, self._offered, self._is_ready = list(names), offered, is_ready
        self._since: float | None = None  # when the first of those left could be done at the latest
        self._timer = timer(self, POLL_MS)
        self._timer.timeout.connect(self._go_on)
        self._timer.start()

    @Slot()
    def _go_on(self) -> None:
        if not self._is_ready():
            self._since = None
            return
        if not self._left:
            self._end("")
            return
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        try:
            command = named(self._offered(), self._left[0])
        except ValueError as error:
            self._end(str(error))
            return
        if command is not None:
            del self._left[0]
            self._since = None
            command.run()
        elif now - self._since > PATIENCE_S:
            self._end(
                f"“{self._left[0]}” cannot be done: nothing of this name is offered here. "
                "--commands lists what is."
            )

    def _end(self, problem: str) -> None:
        self._timer.stop()
        self.ended.emit(problem)
