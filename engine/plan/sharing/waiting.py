"""For whom a shard waits, since when, and from when on it does their work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal

from engine.jobs.durations import duration
from engine.plan.sharing.bundles import Shard
from engine.plan.sharing.share import Share
from engine.specs import ImagesSpec
from engine.store.claims import Claims
from engine.store.presence import Member, Presence, State

AGAIN = 60.0  # seconds between two lines that say the same, at first
AGAIN_SHARE = 1 / 10  # of the time that has passed, later

ShardState = State | Literal["absent"]
BECAME = {"absent": "has not begun", "ended": "ended without it", "dead": "died"}


class Waiting:
    """Watches the shards whose results this one needs.

    Parameters
    ----------
    share
        The own share.
    presence, claims
        Of this process.
    say
        Takes a sentence for the user.
    take_over
        Seconds for which a shard that is not at work is waited for.
    clock
        Seconds.
    """

    def __init__(
        self,
        share: Share,
        presence: Presence,
        claims: Claims,
        say: Callable[[str], None],
        take_over: float,
        clock: Callable[[], float],
    ):
        self._share = share
        self._presence = presence
        self._claims = claims
        self._say = say
        self._take_over = take_over
        self._clock = clock
        self._states: dict[int, tuple[ShardState, Member | None]] = {}
        self._gone_since: dict[int, float] = {}
        self._taken_over: set[int] = set()
        self._strangers: set[str] = set()
        self._idle_since: tuple[float, datetime] | None = None
        self._said: tuple[str, float] = ("", 0.0)

    def greet(self) -> None:
        """Say if another process has the same number."""
        state, member = self._state_of(self._share.shard.index)
        if state == "alive" and member is not None:
            self._say(f"{member.title} is at work too: the two share what is to compute")

    def tell_strangers(self) -> None:
        """Say, once of each, which shards of so many compute another plan: none of it helps here.

        It may be that they were given the user's own methods in another content. Those of other
        versions of the program or its libraries are told of too.
        """
        me = self._presence.me
        for member, state in self._claims.others.values():
            if state != "alive" or member.shards != me.shards or member.name in self._strangers:
                continue
            if member.plan == me.plan and member.libraries == me.libraries:
                continue
            self._strangers.add(member.name)
            if member.libraries != me.libraries:
                found = member.libraries or "an earlier version"
                text = f"{member.title} has {found}, this process {me.libraries}"
                self._say(f"{text}: its numbers may differ")
            if member.plan == me.plan:
                continue
            why = ""
            if member.files != me.files:
                why = f": it was given {member.files or 'no file of methods'}, this one "
                why += f"{me.files or 'none'}, and all shards must have the same"
            self._say(f"{member.title} computes another plan{why}")

    def watch(self, keys: Iterable[str]) -> None:
        """Note which of the shards that compute these keys are at work."""
        own = self._share.shard.index
        for shard in {self._share.owners[key] for key in keys} - {own}:
            before, _ = self._states.get(shard, ("absent", None))
            state, member = self._states[shard] = self._state_of(shard)
            if state == "alive":
                self._gone_since.pop(shard, None)
                self._taken_over.discard(shard)
                continue
            self._gone_since.setdefault(shard, self._clock())
            if state != before and state in ("dead", "ended"):
                self._say(
                    f"{self._title(shard, member)} {BECAME[state]}: what is needed of it here and "
                    f"has no result in {duration(self._take_over)} is computed here then"
                )

    def may_take(self, key: str, *, idle: bool) -> bool:
        """Whether this process may compute what is the work of another shard.

        Images are described at once by whoever needs them. Of a shard that is at work, only what
        this one needs and only if it has nothing else to do.
        """
        if isinstance(self._share.specs[key], ImagesSpec):
            return True
        shard = self._share.owners[key]
        state, member = self._states.get(shard, ("absent", None))
        if state == "alive":
            return idle
        gone = self._gone_since.setdefault(shard, self._clock())
        if self._clock() - gone < self._take_over:
            return False
        if shard not in self._taken_over:
            self._taken_over.add(shard)
            self._say(
                f"{self._title(shard, member)} {BECAME[state]}: what is needed of it is computed "
                "here now"
            )
        return True

    def tell(self, keys: Sequence[str]) -> None:
        """Say for what this process waits while it has nothing to do, and since when."""
        now = self._clock()
        if self._idle_since is None:
            self._idle_since = now, datetime.now()
        since, at = self._idle_since
        reasons = Counter(filter(None, map(self._reason, keys)))
        if not reasons:
            return
        parts = "; ".join(f"{count} of {reason}" for reason, count in reasons.items())
        text = f"for results that are needed here: {parts}"
        said, when = self._said
        if text == said and now - when < max(AGAIN, AGAIN_SHARE * (now - since)):
            return
        self._said = text, now
        self._say(f"waiting since {at:%H:%M} ({duration(now - since)}) {text}")

    def tell_death(self, key: str, name: str) -> None:
        """Say that what a dead process computed is computed here."""
        member = self._claims.member(name)
        who = member.title if member is not None else "another process"
        title = self._share.specs[key].title
        self._say(f"{who} died while it computed {title!r}: it is computed here now")

    def is_over(self) -> None:
        """Note that there is something to do again."""
        self._idle_since = None

    def _reason(self, key: str) -> str:
        """Return whose work a key is and what is known of that process; "" if it begins now."""
        claim = self._claims.on(key)
        if claim is not None and claim.state == "done":
            return "a process whose record is not to be seen here yet"
        if self._claims.is_held(key):
            member = self._claims.member(claim.by) if claim is not None else None
            return f"{member.title}, at work" if member is not None else "another process, at work"
        shard = self._share.owners[key]
        state, member = self._states.get(shard, ("absent", None))
        if shard == self._share.shard.index or state == "alive":
            return ""
        left = self._gone_since.get(shard, self._clock()) + self._take_over - self._clock()
        then = datetime.now() + timedelta(seconds=max(0.0, left))
        return f"{self._title(shard, member)}, which {BECAME[state]} (here from {then:%H:%M} on)"

    def _state_of(self, shard: int) -> tuple[ShardState, Member | None]:
        """Return the state of the process of a shard; of several, that of the liveliest."""
        me, order = self._presence.me, ("alive", "dead", "ended")
        found = [
            (state, member)
            for member, state in self._claims.others.values()
            if (member.plan, member.shards, member.shard) == (me.plan, me.shards, shard)
        ]
        return min(found, key=lambda pair: order.index(pair[0]), default=("absent", None))

    def _title(self, shard: int, member: Member | None) -> str:
        if member is not None:
            return member.title
        return f"shard {Shard(shard, self._share.shard.count)}"
