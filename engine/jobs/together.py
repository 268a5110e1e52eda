"""The context of several computations that are done as one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from engine.jobs.context import Cancelled, Context, Control

PROGRESS_SECONDS = 0.5
"""Between two events of progress of each member; 128 members would send thousands a second."""

Ended = Callable[[Context, BaseException], None]


class Together(Context):
    """What is told to this context is told to each member.

    A member that is cancelled leaves. What is computed for it after that is thrown away.

    Parameters
    ----------
    members
        The members' own contexts, of one study and device; at least one.
    leave
        Called with a member that leaves before the end, and with what ended it.

    Attributes
    ----------
    members
        Those that have not left.
    """

    def __init__(self, members: Sequence[Context], leave: Ended):
        first = members[0]
        super().__init__(first.spec, first.study, first.device, first.emit, Control(), first.cache)
        self.captures = first.captures
        self.members = list(members)
        self._on_leave = leave

    def holds(self, member: Context) -> bool:
        """Return whether a member has not left."""
        return any(member is one for one in self.members)

    def leave(self, member: Context, error: BaseException) -> None:
        """Let a member go that ended before the others."""
        self.members.remove(member)
        self._on_leave(member, error)

    def check_cancelled(self) -> None:
        """Wait while members are paused; raise :class:`Cancelled` once all of them have left."""
        for member in tuple(self.members):
            try:
                member.check_cancelled()
            except Cancelled as error:
                self.leave(member, error)
        if not self.members:
            raise Cancelled

    def progress(self, done: float, total: float, what: str = "") -> None:
        """Emit progress of every member, at most twice a second except for the last one."""
        now = time.monotonic()
        if done >= total or now - self._last_progress >= PROGRESS_SECONDS:
            self._last_progress = now
            for member in self.members:
                member.progress(done, total, what)

    def notice(self, text: str, *, about: str = "", over: bool = False) -> None:
        """Tell one sentence of every member."""
        for member in self.members:
            member.notice(text, about=about, over=over)
