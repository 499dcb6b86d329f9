"""What the permit gate refused a lamp: not proposed again at once, and told to people while it lasts.

Theory of operation
-------------------
Some refusals end by waiting a turn (a fan-out, a rate, a second person): the lamp is proposed again. Others last as long as
what is behind them (an interlock, a source that is not believed, a declaration that says otherwise): the gate has the lamp at its
fail-safe value then, and asking again each minute would tell it nothing new. Such a lamp is asked for again after `retry_s`.

INVARIANT: only what would dim a lamp further waits: more light is proposed at once, whatever was refused before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from cityward.guard.permit import MENDS, PermitReason
from cityward.services.contract import Commanded, Notice, View
from cityward.services.lighting.memory import Held
from cityward.services.lighting.settings import LightingSettings
from cityward.time import MINUTE, SECOND

PASSING = frozenset(
    {
        PermitReason.FAN_OUT,
        PermitReason.RATE_EXCEEDED,
        PermitReason.SECOND_PERSON,
        PermitReason.TOO_OLD,
        PermitReason.IN_THE_FUTURE,
    }
)
"""What waiting a turn may end."""
SHOWN_LONGER_US = 5 * MINUTE  # than `retry_s`: until the next answer is there


def held_now(view: View[LightingSettings], lamps: Iterable[str], before: Mapping[str, Held]) -> dict[str, Held]:
    """Lamp -> what it was refused last, while that is not long ago and it was not let have anything since."""
    found: dict[str, Held] = {}
    for lamp in lamps:
        why = view.refused.get((lamp, view.settings.command))
        if why is not None:
            first = kept.since if (kept := before.get(lamp)) is not None and kept.why == why else view.now_us
            found[lamp] = Held(why=why, at=view.now_us, since=first)
        elif (kept := before.get(lamp)) is not None and _stands(view, lamp, kept):
            found[lamp] = kept
    return found


def _stands(view: View[LightingSettings], lamp: str, held: Held) -> bool:
    if held.why in PASSING or not 0 <= view.now_us - held.at < _patience(view) + SHOWN_LONGER_US:
        return False
    last, actuator = view.last_commands.get(lamp), view.actuators.get(lamp)
    limits = actuator.commands.get(view.settings.command) if actuator is not None else None
    return last is None or limits is None or last.sent_at <= held.at or last.value == limits.fail_safe


def waits(view: View[LightingSettings], held: Held | None, last: Commanded | None, level: float) -> bool:
    """Whether it is too early to ask for this level again."""
    if held is None or held.why in PASSING or last is None or level >= last.value:
        return False
    return 0 <= view.now_us - held.at < _patience(view)


def _patience(view: View[LightingSettings]) -> int:
    return round(view.settings.retry_s * SECOND)


def said_of(held: Mapping[str, Held], lamps: Iterable[str]) -> str:
    """How many of these lamps were refused what, for the board; empty: none."""
    counts = Counter(held[lamp].why for lamp in lamps if lamp in held)
    return ", ".join(f"{count} of its lamps refused: {why}" for why, count in sorted(counts.items()))


def notices(streets: Mapping[str, list[str]], held: Mapping[str, Held]) -> list[Notice]:
    """One for each street and reason that lasts."""
    found: list[Notice] = []
    for street, lamps in streets.items():
        by_reason: dict[str, list[str]] = {}
        for lamp in lamps:
            if lamp in held and held[lamp].why not in PASSING:
                by_reason.setdefault(held[lamp].why, []).append(lamp)
        found += [_notice(street, why, some, held) for why, some in sorted(by_reason.items())]
    return found


def _notice(street: str, why: str, lamps: list[str], held: Mapping[str, Held]) -> Notice:
    title = f"{len(lamps)} lamps of {street} may not be dimmed: {why}"
    mend = next((mend for reason, mend in MENDS.items() if reason == why), "")
    return Notice(
        f"refused-{street}-{why}"[:96], lamps[0], title, since=min(held[lamp].since for lamp in lamps), do=mend
    )
