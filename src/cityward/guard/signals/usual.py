"""What usually comes on a lane, and whether its detector has fallen silent: known to the centre and to a cabinet alike.

Theory of operation
-------------------
Who moves on a lane is through what is seen of it in its length by `FREE_M_S`; so many come a second. The mean of that, over half
an hour or as long as there was, is *usual*: after five minutes it is known well. As long as nobody is there, vehicles are
*missing*, as many as usually come in that time. Traffic comes in groups, so a lane is silent when `SILENT` are missing and
`MORE` times as many as ever came late here (what is forgotten with the hours; `MOST_MISSING` at most). A lane that goes
quiet unlearns slowly: half of what was usual is forgotten after forty minutes, so a lane that is empty at night is no
riddle in the morning.

On a silent lane those wait who usually come, and go when it is green (`awaited`): so it is neither starved nor favoured.

Source: the renewal argument of every watchdog; fails where a street is closed: its lane is served for nobody, less and less.

INVARIANT: rates, counts and times are finite and bounded whatever is said.
"""

from __future__ import annotations

from collections.abc import Container, Mapping

import msgspec

from cityward.guard.signals.before import JAM_VEHICLE_M, ROOM, SATURATION_VEH_S, Before, counted

FREE_M_S, LEAST_M = 14.0, 30.0
FEW_S, USED_S, FORGETS_S = 60.0, 1800.0, 3600.0
QUIET, SILENT, MORE, MOST_MISSING = 5.0, 8.0, 2.0, 40.0  # vehicles; times


class Usual(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """One lane. rate: vehicles a second that usually come, learnt for `learnt_s`. missing: those that should have come since the
    last; late: the most that ever were missing and came. waiting: those that wait unseen.
    """

    rate: float = 0.0
    learnt_s: float = 0.0
    missing: float = 0.0
    late: float = 0.0
    waiting: float = 0.0

    @property
    def silent(self) -> bool:
        """Whether its detector has fallen silent."""
        return self.missing >= min(max(SILENT, MORE * self.late), MOST_MISSING)


def passing(moving: float, length_m: float) -> float:
    """Vehicles a second, of those that move on what is seen of a lane."""
    return moving * FREE_M_S / max(length_m, LEAST_M)


def seen(was: Usual, vehicles: float, moving: float, length_m: float, passed_s: float, learns_s: float) -> Usual:
    """After a look at a lane. vehicles, moving: there, and those that do not stand; length_m: of what is seen of it.

    passed_s: since the last look; learns_s: of that, 0 where what is said is not believed. All finite, none below 0.
    """
    over_s = FORGETS_S if was.missing >= QUIET else FEW_S + was.learnt_s
    rate = passing(moving, length_m)
    return Usual(
        rate=min(was.rate + (rate - was.rate) * learns_s / over_s, SATURATION_VEH_S),
        learnt_s=min(was.learnt_s + learns_s, USED_S - FEW_S),
        missing=0.0 if vehicles else min(was.missing + was.rate * passed_s, MOST_MISSING),
        late=max(was.late * (1.0 - min(passed_s / FORGETS_S, 1.0)), was.missing if vehicles else 0.0),
        waiting=was.waiting,
    )


def awaited(was: Usual, comes: float, goes: float, fits: float, passed_s: float) -> Usual:
    """A lane that is not seen: who usually comes waits, who may go has gone. comes, goes: vehicles a second; fits: vehicles."""
    return msgspec.structs.replace(was, waiting=min(max(was.waiting + (comes - goes) * passed_s, 0.0), fits))


class Unheard:
    """The lanes of a junction as its looks tell them, those that have fallen silent as they usually are."""

    def __init__(self, lanes: Container[str]) -> None:
        self._lanes, self._kept = lanes, dict[str, Usual]()

    def filled(self, before: Before, goes: Mapping[str, float], passed_s: float) -> Before:
        """The look, with those who wait unseen. goes: lane -> vehicles a second that are let go now; others: none."""
        silent: dict[str, float] = {}
        for lane, said in before.present.items():
            if lane not in self._lanes:
                continue
            room, there = counted(before.room.get(lane, ROOM), 1.0), counted(said)
            moving = max(there - counted(before.waiting.get(lane, 0.0)), 0.0)
            was = self._kept.get(lane, _NEW)
            now = seen(was, there, moving, room * JAM_VEHICLE_M, passed_s, passed_s)
            if now.silent:
                now = awaited(now, now.rate, goes.get(lane, 0.0), room, passed_s)
                silent[lane] = now.waiting
            elif now.waiting:
                now = msgspec.structs.replace(now, waiting=0.0)
            self._kept[lane] = now
        if not silent:
            return before
        return Before({**before.present, **silent}, {**before.waiting, **silent}, before.room)


_NEW = Usual()
