"""The parts of an answer that are lists of sentences with their lines: what ends, remains, is to be got back, no longer arrives.

The terminal and the console tell these lines alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec

from cityward.place.model import Place
from cityward.reach.blast.hostile import Hostile
from cityward.reach.blast.lost import Lost, Underfed
from cityward.reach.blast.sanctioned import Sanctioned
from cityward.reach.blast.scenarios import Blast
from cityward.reach.telling.names import name_of
from cityward.reach.telling.phrases import counted, hours, listed
from cityward.reach.whatif.words import ends

Where = Callable[[str], str]


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sentence, and `file:line  path` that it rests on; empty where it rests on no line of its own."""

    text: str
    where: str = ""


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lines under a heading."""

    title: str
    lines: tuple[Line, ...]


def parts_of(place: Place, answer: Blast | Hostile | Sanctioned, where: Where) -> tuple[Part, ...]:
    """The parts that have lines."""
    if isinstance(answer, Hostile):
        return ()
    if isinstance(answer, Sanctioned):
        may_be = f"{counted(len(answer.perhaps), 'party', 'parties')} may be part of this: whether so is not known"
        found = {may_be: _perhaps(place, answer, where), **_banned(place, answer, where)}
    else:
        found = _lost(place, answer)
        for name in answer.off_street:
            said = (
                f"{name_of(place, name)}: off the street ({place.devices[name].status.value}), so nothing rests on it"
            )
            found.setdefault("Off the street", []).append(Line(text=said, where=where(f"devices.{name}.status")))
    return tuple(Part(title=title, lines=tuple(lines)) for title, lines in found.items() if lines)


def _perhaps(place: Place, found: Sanctioned, where: Where) -> list[Line]:
    return [
        Line(text=f"{name_of(place, one.party)}; to be found out: {_facts(one.missing, where)}")
        for one in found.perhaps
    ]


def _facts(missing: Iterable[str], where: Where) -> str:
    return listed(map(where, missing), 2)


def _banned(place: Place, found: Sanctioned, where: Where) -> dict[str, list[Line]]:
    def name(subject: str) -> str:
        return name_of(place, subject)

    return {
        "Agreements that end": [
            Line(text=f"{name(one.agreement)} {ends(one.exit_days)}", where=where(one.path)) for one in found.endings
        ],
        "Run without an agreement": [Line(text=_who_runs(place, path), where=where(path)) for path in found.uncovered],
        "Updates that stop": [
            Line(text=f"{name(one.id)}, from {name(one.updates_from)}", where=where(one.path)) for one in found.updates
        ],
        "Upkeep that stops": [
            Line(text=f"{name(one.system)}, by {name(one.by)}", where=where(one.path)) for one in found.upkeep
        ],
        "Accesses that remain until they are taken away": [
            Line(
                text=f"{name(one.party)} to {name(one.target)}: {', '.join(one.modes)}{', standing' * one.standing}",
                where=where(one.path),
            )
            for one in found.revoke
        ],
        "Data to get back": [
            Line(text=f"{name(one.dataset)} from {name(one.holder)}, at {name(one.at)}", where=where(one.path))
            for one in found.get_back
        ],
        "Keys to take over": [
            Line(text=f"{one.key}, held by {name(one.holder)}", where=where(one.path)) for one in found.take_over
        ],
    }


def _who_runs(place: Place, path: str) -> str:
    return name_of(place, path.split(".")[1])


def _lost(place: Place, blast: Blast) -> dict[str, list[Line]]:
    falls = {one.id: one.hours for one in blast.outcome.fallen}
    return {
        "Data that no longer arrives": [Line(text=lost_data(place, one, falls)) for one in blast.lost.gone],
        "Still sent by what no longer receives all it did": [
            Line(text=underfed(place, one)) for one in blast.lost.underfed
        ],
    }


def lost_data(place: Place, one: Lost, falls: Mapping[str, float]) -> str:
    """`Weather at Planner after 4 h, read by Lighting`. `falls`: what goes dark itself, and when."""
    read = f", read by {listed(name_of(place, service) for service in one.services)}" if one.services else ""
    since = f" {hours(one.hours)}" if one.hours else ""
    until = f"; it goes dark itself {hours(falls[one.at])}" if one.at in falls else ""
    return f"{name_of(place, one.dataset)} at {name_of(place, one.at)}{since}{read}{until}"


def underfed(place: Place, one: Underfed) -> str:
    """Who lacks what, and what of it may rest on that."""
    lacks = listed(name_of(place, dataset) for dataset in one.without)
    sends = listed(name_of(place, dataset) for dataset in one.sends)
    return f"{name_of(place, one.at)} no longer receives {lacks}; what it sends may rest on it: {sends}"
