"""An answer in one sentence, and its parts in words: what fails when and for whom, step by step.

INVARIANT: what is not known is said; it is never left out of a count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cityward.place.model import Place
from cityward.reach.blast.cascade import Kind
from cityward.reach.blast.citizens import Citizens
from cityward.reach.blast.hostile import Hostile
from cityward.reach.blast.outcome import Effect, Outcome, Step
from cityward.reach.blast.sanctioned import Sanctioned
from cityward.reach.blast.scenarios import Blast, Question
from cityward.reach.exposure.answers import Axis
from cityward.reach.exposure.nodes import Mode
from cityward.reach.telling.names import name_of
from cityward.reach.telling.phrases import counted, hours, listed, since

AXES: Mapping[Axis | None, str] = {Axis.PARTY: "over its parties", Axis.PLACE: "over what lies there", None: ""}

DOES: Mapping[Mode, str] = {
    Mode.READ: "read",
    Mode.WRITE: "falsify or change",
    Mode.COMMAND: "command",
    Mode.UPDATE: "change the software of",
    Mode.PHYSICAL: "lay hands on",
    Mode.MISLEAD: "mislead",
    Mode.STOP: "stop",
}
"""What can be done to an item, in the order in which it is told."""


def people(place: Place, found: Citizens) -> str:
    """How many, and where; and what is not declared of it."""
    areas = listed(_area(place, name) for name in found.areas)
    if not found.of:
        said = [
            f"{f'the people of {areas}, how many' if areas else 'how many people'} is not known: no population is declared"
        ]
    else:
        said = [f"{found.affected:,} of {found.of:,} people, in {areas}"] if areas else []
        unknown = listed(_area(place, name) for name in found.unknown_areas)
        said += [f"how many live in {unknown} is not known"] if unknown else []
    if found.functions_without_areas:
        names = listed((name_of(place, name) for name in found.functions_without_areas), 3)
        said.append(f"which areas they serve is not declared of: {names}")
    return "; ".join(said)


def _area(place: Place, name: str) -> str:
    return (place.areas[name].name or name) if name in place.areas else name


def condition(place: Place, blast: Blast) -> str:
    """`If Fathom Cloud stops`, `If Civic DC is cut off`."""
    names, one = " and ".join(name_of(place, subject.id) for subject in blast.subjects), len(blast.subjects) == 1
    if blast.question is Question.CUT:
        return f"If {names} {'is' if one else 'are'} cut off"
    return f"If {names} {'stops' if one else 'stop'}{f' ({AXES[blast.axis]})' if blast.axis else ''}"


def failing(place: Place, said: str, outcome: Outcome) -> str:
    """The answer about functions in one sentence."""
    if not outcome.effects:
        return f"{said}, no function of the city certainly fails."
    return f"{said}, {_count(outcome.effects)}: {people(place, outcome.citizens)}."


def _count(effects: Sequence[Effect]) -> str:
    """`1 essential function of the city fails`, `3 functions of the city fail, 2 of them essential`."""
    every, essential = len(effects), sum(effect.essential for effect in effects)
    noun = "essential function" if essential == every else "function"
    among = f", {essential:,} of them essential" if 0 < essential < every else ""
    return f"{counted(every, f'{noun} of the city fails', f'{noun}s of the city fail')}{among}"


def when(effect: Effect) -> str:
    """`degrades at once, fails after 4 h`."""
    if effect.fails_h == effect.degrades_h:
        return f"fails {hours(effect.fails_h)}"
    return f"degrades {hours(effect.degrades_h)}, fails {hours(effect.fails_h)}"


def step(place: Place, effect: Effect, one: Step) -> str:
    """One line of a cause. Where one thing was not enough, those that were dark already are told as what they are: causes."""
    does = "fails" if effect.fails_h == effect.degrades_h else "degrades"
    said = f"so it {does}" if one.kind is Kind.FUNCTION else f"{name_of(place, one.id)}: dark"
    others = listed((f"{name_of(place, other.id)} ({since(other.hours)})" for other in one.also), 8)
    also = f", because so {'is' if len(one.also) == 1 else 'are'} {others}" if others else ""
    return f"{said} {hours(one.hours)}{also}"


def ends(days: int | None) -> str:
    """When an agreement with so many exit days ends."""
    return "at once: no exit days are agreed" if days is None else hours(24 * days)


# --- the answer, first


def headline(place: Place, answer: Blast | Hostile | Sanctioned) -> str:
    """The whole answer in one sentence: what is certain of it."""
    if isinstance(answer, Hostile):
        return _turned(place, answer)
    if isinstance(answer, Sanctioned):
        return _banned(place, answer)
    carried = counted(len(answer.flows_cut), "flow is cut", "flows are cut")
    said = condition(place, answer) + (f", {carried}" if answer.flows_cut else "")
    return failing(place, said, answer.outcome)


def _turned(place: Place, found: Hostile) -> str:
    sure = [one for one in found.reached if one.certain]
    data = {mode: sum(one.mode == mode and one.kind == "dataset" for one in sure) for mode in (Mode.READ, Mode.WRITE)}
    moved = len({one.id for one in sure if one.kind == "thing" and one.mode in _MOVING})
    led = sum(one.certain for one in found.integrity)
    could = [
        *([f"read {counted(data[Mode.READ], 'kind')} of data"] if data[Mode.READ] else []),
        *([f"falsify {counted(data[Mode.WRITE], 'kind')}"] if data[Mode.WRITE] else []),
        *(
            [f"command or change {counted(moved, 'system or device group', 'systems and device groups')}"]
            if moved
            else []
        ),
        *([f"lead {counted(led, 'function')} astray"] if led else []),
    ]
    stops = stopping(place, found.outcome)
    acts = _and([*could, *([f"stop {stops}"] if stops else [])]) or "do nothing for certain"
    return f"If {turning(place, found)}, it could {acts}."


_MOVING = (Mode.WRITE, Mode.COMMAND, Mode.UPDATE, Mode.PHYSICAL, Mode.STOP)


def turning(place: Place, found: Hostile) -> str:
    """`Halden Optics turns against the city`; of a jurisdiction, by which of its laws."""
    return f"{name_of(place, found.party)}{f' ({AXES[found.axis]})' if found.axis else ''} turns against the city"


def stopping(place: Place, found: Outcome) -> str:
    """`1 essential function within 4 h: 18,400 of 132,900 people, in Dockholme`; empty where nothing fails."""
    if not found.effects:
        return ""
    essential, every = sum(one.essential for one in found.effects), len(found.effects)
    what = counted(every, "essential function" if essential == every else "function")
    among = f", {essential} of them essential," if 0 < essential < every else ""
    last = hours(max(one.fails_h for one in found.effects)).replace("after", "within")
    return f"{what}{among} {last}: {people(place, found.citizens)}"


def _banned(place: Place, found: Sanctioned) -> str:
    ends_ = [one.exit_days or 0 for one in found.endings]
    last = hours(24 * max(ends_)).replace("after", "within") if ends_ else ""
    parts = [
        *([f"{counted(len(ends_), 'agreement ends', 'agreements end')} {last}"] if ends_ else []),
        *([f"software stops coming for {counted(len(found.updates), 'thing')}"] if found.updates else []),
        *(
            [f"{counted(len(found.revoke), 'access remains', 'accesses remain')} until taken away"]
            if found.revoke
            else []
        ),
    ]
    stops = stopping(place, found.outcome)
    fails = f"the city loses {stops}" if stops else "no function of the city certainly fails"
    return f"If {banned(place, found)}, {_and([*parts, fails])}."


def banned(place: Place, found: Sanctioned) -> str:
    """`Tessel Group, with Tessel Signal Systems, may no longer be dealt with`."""
    group = listed((name_of(place, name) for name in found.group if name != found.party), 3)
    return f"{name_of(place, found.party)}{f', with {group},' if group else ''} may no longer be dealt with"


def _and(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])}, and {parts[-1]}" if parts else ""
