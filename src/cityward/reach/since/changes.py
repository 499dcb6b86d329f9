"""What changed between a declaration and a later one, in sentences.

Both are closed for the parties and jurisdictions of either (`reach.sign.difference` compares them bit by bit), each as it stood
on its own day: what begins or ends by its own dates counts as a change.

INVARIANTS
- An answer that was possible and is now certain is told as gained, certainly; it is never also told as lost.
- Certain and possible are told apart.
- Nothing is cut without its count.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import msgspec

from cityward.place.data import Flow
from cityward.place.model import Place
from cityward.reach.exposure.answers import LAW, Axis, Bound, expose, scenarios_of
from cityward.reach.exposure.compile import compile_place, place_on
from cityward.reach.exposure.nodes import Mode, Predicate
from cityward.reach.sign.difference import Group, Reach, difference, grouped
from cityward.reach.since.shapes import FlowChange, Reached, Since, Version
from cityward.reach.telling.names import name_of
from cityward.reach.telling.phrases import counted, listed
from cityward.time import from_us

MOST_TOLD = 300  # of each list
MODES = (Mode.READ, Mode.WRITE)
_AXES = {predicate: axis for axis, predicate in LAW.items()}
_CAN = {Mode.READ: "read", Mode.WRITE: "falsify"}
_TOLD = ("name", "note", "source", "asserted_by", "evidence")  # what a flow is called, not what it does


def version_at(versions: Sequence[Version], at_us: int) -> tuple[Version, bool]:
    """The version in force at a moment; whether that moment lies before the oldest, which then stands for it.

    Raises:
        LookupError: there is none at all.
    """
    if not versions:
        raise LookupError("no declaration is kept")
    held = [one for one in versions if one.at_us <= at_us]
    return (held[-1], False) if held else (versions[0], True)


def changes(before: Place, now: Place, versions: Sequence[Version], since_us: int, now_us: int) -> Since:
    """What changed since a moment.

    Args:
        before: the declaration in force then.
        now: the one in force at `now_us`.
        versions: all that are kept, oldest first; the last is `now`'s.
        since_us, now_us: city time.
    """
    version, short = version_at(versions, since_us)
    then, today = (
        place_on(place, day) for place, day in ((before, _day(max(since_us, version.at_us))), (now, _day(now_us)))
    )
    found = _compared(then, today)
    gained, lost = (tuple(_reached(places, rows, verb)) for places, rows, verb in (
        ((today, then), found[0], "can"), ((then, today), found[1], "could"),
    ))  # fmt: skip
    flows = tuple(_flows(then, today))
    return Since(
        since_ms=since_us // 1000,
        before=version.digest,
        before_from_ms=version.at_us // 1000,
        now=versions[-1].digest,
        now_from_ms=versions[-1].at_us // 1000,
        short_of=short,
        sentence=_sentence(gained, lost, flows),
        gained=gained[:MOST_TOLD],
        lost=lost[:MOST_TOLD],
        flows=flows[:MOST_TOLD],
        gained_in_all=len(gained),
        lost_in_all=len(lost),
        flows_in_all=len(flows),
        versions=tuple(versions),
        command=f"cityward changes --since {from_us(since_us).date().isoformat()} --state STATE",
    )


def _day(us: int) -> date:
    return from_us(us).date()


def _compared(then: Place, today: Place) -> tuple[list[Reach], list[Reach]]:
    """What is gained and what is lost, of datasets. What became certain is only gained, what became doubtful only lost."""
    every = tuple(dict.fromkeys((*scenarios_of(then), *scenarios_of(today))))
    base, proposed = (expose(compile_place(place), every) for place in (then, today))
    told = difference(base, proposed)
    return [one for one in told.new if _asked(one)], [one for one in told.gone if _asked(one)]


def _asked(one: Reach) -> bool:
    is_who = one.scenario.predicate is Predicate.PARTY or one.scenario.predicate in _AXES
    return is_who and one.item.predicate is Predicate.DATASET and one.item.detail in MODES


def _reached(places: tuple[Place, Place], rows: Iterable[Reach], verb: str) -> Iterable[Reached]:
    """`places`: where the names stand, and where they stand as well."""
    for group in grouped(tuple(rows)):
        axis = _AXES.get(group.scenario.predicate)
        name = _name(places, group.scenario.subject)
        names = [_name(places, item) for item in group.items]
        yield Reached(
            who=group.scenario.subject,
            who_name=name,
            kind="party" if axis is None else "jurisdiction",
            axis="" if axis is None else axis.value,
            mode=group.mode.value,
            certain=group.bound is Bound.CERTAIN,
            datasets=group.items,
            sentence=_said(group, axis, name, names, verb),
        )


def _said(group: Group, axis: Axis | None, name: str, names: list[str], verb: str) -> str:
    over = {None: name, Axis.PARTY: f"{name}, by its law over parties,", Axis.PLACE: f"{name}, by its law over places,"}
    what = f"{_CAN[group.mode]} {listed(names)}"
    certain = group.bound is Bound.CERTAIN
    if verb == "can":
        return f"{over[axis]} {'can now' if certain else 'may now be able to'} {what}."
    if certain:
        return f"{over[axis]} could {what}; that no longer follows for certain."
    return f"{over[axis]} might have been able to {what}; no longer so."


def _name(places: tuple[Place, Place], subject: str) -> str:
    first = name_of(places[0], subject)
    return first if first != subject else name_of(places[1], subject)


# --- flows


def _flows(then: Place, today: Place) -> Iterable[FlowChange]:
    for name, flow in today.flows.items():
        if name not in then.flows:
            yield FlowChange(flow=name, what="added", fields=(), sentence=f"New: {_told(today, name, flow)}.")
    for name, flow in then.flows.items():
        if name not in today.flows:
            yield FlowChange(flow=name, what="removed", fields=(), sentence=f"Gone: {_told(then, name, flow)}.")
        elif fields := tuple(_differs(flow, today.flows[name])):
            told = f"{_told(today, name, today.flows[name])}: {'; '.join(fields)}."
            yield FlowChange(flow=name, what="changed", fields=fields, sentence=f"Reads otherwise: {told}")


def _told(place: Place, name: str, flow: Flow) -> str:
    what = listed(name_of(place, one) for one in flow.datasets)
    return f"{flow.name or name}, {name_of(place, flow.from_)} to {name_of(place, flow.to)}, {what}, for {flow.purpose}"


def _differs(then: Flow, now: Flow) -> Iterable[str]:
    before, after = (msgspec.to_builtins(one) for one in (then, now))
    for field in sorted({*before, *after} - set(_TOLD)):
        if before.get(field) != after.get(field):
            yield f"{field} {_plain(before.get(field))}, now {_plain(after.get(field))}"


def _plain(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return listed(str(one) for one in value) if value else "nothing"  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, dict):
        return "other limits or sources"
    return "nothing" if value in (None, "") else str(value)


def _sentence(gained: Sequence[Reached], lost: Sequence[Reached], flows: Sequence[FlowChange]) -> str:
    if not gained and not lost and not flows:
        return "Nothing changed: the same can reach the same, by the same flows."
    counts = {what: sum(one.what == what for one in flows) for what in ("added", "removed", "changed")}
    flows_told = ", ".join(f"{n} {what}" for what, n in counts.items() if n) or "as they were"
    return f"More is within reach of {_who(gained)}; less of {_who(lost)}. Flows: {flows_told}."


def _who(rows: Sequence[Reached]) -> str:
    parties = {one.who for one in rows if one.kind == "party"}
    lands = {one.who for one in rows if one.kind == "jurisdiction"}
    told = [counted(len(parties), "party", "parties")] if parties else []
    told += [f"the law of {counted(len(lands), 'country', 'countries')}"] if lands else []
    return " and ".join(told) or "nobody"
