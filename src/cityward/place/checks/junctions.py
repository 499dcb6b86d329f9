"""Junctions: whether what is declared can be shown without danger, and told.

Does not live here: whether the plan keeps its times and serves everybody soon enough (`junction_times`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import combinations

from cityward.place.checks.whole import Problem, Whole
from cityward.place.hints import did_you_mean
from cityward.place.junctions import Junction
from cityward.place.things import CommandLimits

COMMAND = "signal-stage"
PLAN = -1
MOST_GROUPS, MOST_STAGES = 64, 32  # PRECEDENT: NTCIP 1202 knows 16 phases and 16 overlaps in the common controller


def junctions_name_their_own(whole: Whole) -> Iterator[Problem]:
    """Stages name groups, the plan names stages, and so on: all of the same junction."""
    for name, junction in whole.place.junctions.items():
        for path, found, kind, known in _names(junction):
            if found not in known:
                what = f"`{found}` is no {kind} of this junction{did_you_mean(found, known)}"
                yield Problem(f"junctions.{name}.{path}", what, f"name a {kind} that the junction declares")


def names_its_own(junction: Junction) -> bool:
    """Whether every name of a junction is known to it; what is not is told by `junctions_name_their_own`."""
    return all(found in known for _, found, _, known in _names(junction))


def _names(junction: Junction) -> Iterator[tuple[str, str, str, Collection[str]]]:
    """Each name that a junction gives to something of its own: (path, name, what it should be, what there is)."""
    groups, stages = junction.groups, junction.stages
    for group, made in groups.items():
        for nth, other in enumerate(made.yields_to):
            yield f"groups.{group}.yields_to[{nth}]", other, "group", groups
    for nth, pair in enumerate(junction.conflicts):
        yield f"conflicts[{nth}].first", pair.first, "group", groups
        yield f"conflicts[{nth}].then", pair.then, "group", groups
    for stage, members in stages.items():
        for nth, group in enumerate(members):
            yield f"stages.{stage}[{nth}]", group, "group", groups
    for nth, step in enumerate(junction.plan):
        yield f"plan[{nth}].stage", step.stage, "stage", stages
    for nth, call in enumerate(junction.calls):
        for mth, group in enumerate(call.groups):
            yield f"calls[{nth}].groups[{mth}]", group, "group", groups
    for nth, link in enumerate(junction.links):
        yield f"links[{nth}].group", link.group, "group", groups


def junctions_endanger_nobody(whole: Whole) -> Iterator[Problem]:
    """No stage has a conflict in it, and no intergreen is shorter than the amber that runs in it."""
    for name, junction in whole.place.junctions.items():
        path = f"junctions.{name}"
        yield from _conflicts(f"{path}.conflicts", junction)
        if names_its_own(junction):
            yield from _stages(f"{path}.stages", junction)


def _conflicts(path: str, junction: Junction) -> Iterator[Problem]:
    seen: set[frozenset[str]] = set()
    for nth, pair in enumerate(junction.conflicts):
        at, both = f"{path}[{nth}]", frozenset((pair.first, pair.then))
        if len(both) == 1:
            yield Problem(at, f"`{pair.first}` conflicts with itself", "name two groups")
        elif both in seen:
            what = f"the conflict of `{pair.first}` and `{pair.then}` is declared twice"
            yield Problem(at, what, "declare it once, with `back_s` for the other way")
        seen.add(both)
        if _yields(junction, pair.first, pair.then):
            what = f"`{pair.first}` and `{pair.then}` conflict, and one of them yields to the other"
            yield Problem(at, what, "leave out one of the two: what yields is no conflict")
        back_s = pair.intergreen_s if pair.back_s is None else pair.back_s
        yield from _shorter(f"{at}.intergreen_s", junction, pair.first, pair.then, pair.intergreen_s)
        yield from _shorter(f"{at}.back_s", junction, pair.then, pair.first, back_s)


def _yields(junction: Junction, first: str, then: str) -> bool:
    groups = junction.groups
    return any(b in groups[a].yields_to for a, b in ((first, then), (then, first)) if a in groups)


def _shorter(path: str, junction: Junction, ends: str, begins: str, seconds: float) -> Iterator[Problem]:
    made = junction.groups.get(ends)
    if made is not None and seconds < made.amber_s:
        what = f"{seconds:g} s from the end of `{ends}` to `{begins}` is shorter than its amber of {made.amber_s:g} s"
        yield Problem(path, what, "the amber is part of the intergreen: lengthen one or shorten the other")


def _stages(path: str, junction: Junction) -> Iterator[Problem]:
    conflicts = {frozenset((pair.first, pair.then)) for pair in junction.conflicts}
    for stage, members in junction.stages.items():
        for first, then in combinations(dict.fromkeys(members), 2):
            if frozenset((first, then)) in conflicts:
                what = f"lets `{first}` and `{then}` go together, which conflict"
                yield Problem(f"{path}.{stage}", what, "part it in two stages")
        if not members:
            yield Problem(f"{path}.{stage}", "lets nobody go", "name a group, or leave the stage out")
    served = {group for members in junction.stages.values() for group in members}
    for group in junction.groups:
        if group not in served:
            yield Problem(path, f"group `{group}` is in no stage: it would be red for ever", "add it to a stage")


def junctions_can_be_told(whole: Whole) -> Iterator[Problem]:
    """Each junction has a controller of its own that takes the stages, and is of a size that can be worked out each second."""
    owners: dict[str, str] = {}
    for name, junction in whole.place.junctions.items():
        path, device = f"junctions.{name}", junction.device
        if (other := owners.setdefault(device, name)) != name:
            what = f"`{device}` is already the controller of `{other}`"
            yield Problem(f"{path}.device", what, "each junction needs a controller of its own")
        yield from _one_unit(whole, f"{path}.device", device)
        yield from _takes_stages(whole, path, junction)
        for of, most in (("groups", MOST_GROUPS), ("stages", MOST_STAGES), ("plan", MOST_STAGES)):
            if not 1 <= len(getattr(junction, of)) <= most:
                what = f"has {len(getattr(junction, of))} entries; a junction has 1 to {most}"
                yield Problem(f"{path}.{of}", what, "declare it as two junctions, or leave out what is never shown")


def _one_unit(whole: Whole, path: str, name: str) -> Iterator[Problem]:
    group = whole.place.devices.get(name)
    if group is not None and group.positions:
        what = f"`{name}` is a group of {len(group.positions)}"
        yield Problem(path, what, f"name one of its members, such as `{name}-01`")


def _takes_stages(whole: Whole, path: str, junction: Junction) -> Iterator[Problem]:
    device, made = whole.device(junction.device), whole.model(junction.device)
    if device is None or made is None:
        return
    limits = made.commands.get(COMMAND)
    if limits is None:
        what = f"the model of `{junction.device}`, `{device.model}`, takes no command `{COMMAND}`"
        mend = f"declare `{COMMAND}` under device_models.{device.model}.commands, or name a signal controller"
        yield Problem(f"{path}.device", what, mend)
        return
    yield from _fits(f"device_models.{device.model}.commands.{COMMAND}", path, limits, junction)


def _fits(model: str, path: str, limits: CommandLimits, junction: Junction) -> Iterator[Problem]:
    last = len(junction.stages) - 1
    if limits.fail_safe != PLAN or limits.low != PLAN or limits.high < last:
        what = (
            f"`{COMMAND}` goes from {limits.low:g} to {limits.high:g} and is safe at {limits.fail_safe:g}; the junction's "
            f"stages go up to {last}, and its safe value is {PLAN}: its own plan"
        )
        yield Problem(f"{path}.device", what, f"set low: {PLAN}, fail_safe: {PLAN} and high: {last} or more in {model}")
    needed = 3600 / junction.lost_after_s
    if limits.per_hour < needed:
        what = f"forgets a wish after {junction.lost_after_s:g} s, and may be told only {limits.per_hour} an hour"
        mend = f"lengthen it, or raise per_hour of {model} to {int(needed) + 1} or more"
        yield Problem(f"{path}.lost_after_s", what, mend)


def junctions_are_joined(whole: Whole) -> Iterator[Problem]:
    """Links lead to lanes of another junction; each detector is one unit; who calls is known."""
    for name, junction in whole.place.junctions.items():
        path = f"junctions.{name}"
        for nth, link in enumerate(junction.links):
            at, there = f"{path}.links[{nth}]", whole.place.junctions.get(link.to)
            if link.to == name:
                yield Problem(f"{at}.to", "the link leads back to its own junction", "name the next one")
            elif there is not None:
                yield from _lanes(f"{at}.lanes", link.to, link.lanes, lanes_of(there))
        for unit in junction.detectors:
            yield from _one_unit(whole, f"{path}.detectors.{unit}", unit)


def lanes_of(junction: Junction) -> frozenset[str]:
    """The lanes that come in, as far as they are declared."""
    let_go = (lane for group in junction.groups.values() for lane in group.lanes)
    return frozenset(let_go) | frozenset(lane for lanes in junction.detectors.values() for lane in lanes)


def _lanes(path: str, to: str, lanes: tuple[str, ...], known: frozenset[str]) -> Iterator[Problem]:
    for nth, lane in enumerate(lanes):
        if known and lane not in known:
            what = f"`{lane}` is no lane of `{to}`{did_you_mean(lane, known)}"
            yield Problem(f"{path}[{nth}]", what, f"name a lane that a group or a detector of `{to}` has")
