"""One datum's way: every hop from the device that measured it to its last recipients, and how each hop is known.

Lives here: the hops of one property of one device as declared, and what entries of the evidence say of each. Does not live
here: finding those entries (`compose.proving.following`), and who may see them (the doors).

Theory of operation. A property belongs to the datasets that name it. The flows that carry them from the device, and then what
they may become elsewhere, are walked as chains are (`chains.onward`). A dataset that names no property may hold any: what leaves
the device in such a one is told as *possibly*. Then each hop is held against what is on record.

INVARIANTS
- Every hop is one declared flow; a hop is `proven` only by an entry that names its flow, or its recipient for a command.
- What nobody can observe is never told as anything else; what is declared and not on record is told as declared only.
- Every way ends: at things from which nothing of it leaves, and each end says what is not seen behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from cityward.place.data import Observability
from cityward.place.model import Place
from cityward.place.record import UNKNOWN
from cityward.place.registry import Unit
from cityward.reach.chains import FlowGraph, Onward, onward
from cityward.reach.following.ends import lasts, sentence, sight
from cityward.reach.following.shapes import Carries, Entry, Facts, Followed, Hop, Kept, Known, OnRecord, Stop
from cityward.reach.telling.names import name_of
from cityward.reach.telling.phrases import counted

MOST_ENTRIES = 8  # of one hop; the rest is counted

Where = Callable[[str], str]


def follow(
    place: Place, graph: FlowGraph, unit: Unit, prop: str, facts: Facts | None, *, where: Where = str, digest: str = ""
) -> Followed:
    """The way of a property of a unit.

    Args:
        place, graph: the declaration, and its flows.
        unit: the device, one of a group or alone.
        prop: the observed property.
        facts: what is on record of the datum; None where the reader may not know.
        where: dotted path -> file, line.
        digest: of the declaration.
    """
    hops = tuple(_hop(place, unit, one, carries, facts, where) for one, carries in _way(place, graph, unit.group, prop))
    last = tuple(lasts(place, hops))
    held = facts or Facts()
    return Followed(
        device=unit.id,
        property=prop,
        observed_at_ms=_ms(held.observed_at_us),
        received_at_ms=_ms(held.received_at_us),
        value=held.value,
        hops=hops,
        last=last,
        sentence=sentence(hops, last),
        sight=sight(hops),
        digest=digest,
        command=command_of(unit.id, prop, held.observed_at_us),
    )


def only(followed: Followed, flows: Callable[[str], bool]) -> Followed:
    """Of a way what somebody may see who does not see every flow."""
    hops = tuple(hop for hop in followed.hops if flows(hop.flow))
    if len(hops) == len(followed.hops):
        return followed
    seen = {hop.to.id for hop in hops}
    last = tuple(one for one in followed.last if one.stop.id in seen)
    told = f"{counted(len(hops), 'hop')} of it {'is' if len(hops) == 1 else 'are'} yours to see. There may be more."
    return msgspec.structs.replace(
        followed, hops=hops, last=last, sentence=told, sight="The whole way is for people of the city."
    )


def command_of(device: str, prop: str, at_us: int | None) -> str:
    """What answers the same on the command line."""
    at = "" if at_us is None else f" --at {at_us // 1000}"
    return f"cityward follow {device} {prop}{at} --state STATE"


# --- the way as declared


def _way(place: Place, graph: FlowGraph, start: str, prop: str) -> list[tuple[Onward, Carries]]:
    mine = frozenset(name for name, one in place.datasets.items() if prop in one.properties)
    vague = frozenset(name for name, one in place.datasets.items() if not one.properties)
    sure, possible = onward(graph, start, mine), onward(graph, start, vague)
    by_flow: dict[str, tuple[Onward, Carries]] = {}
    for one in possible:
        by_flow[one.flow] = (one, "possibly" if one.itself else "made of it")
    for one in sure:
        known = by_flow.get(one.flow)
        if one.itself or known is None or known[1] != "possibly":
            by_flow[one.flow] = (one, "itself" if one.itself else "made of it")
    order = {edge.flow: i for i, edge in enumerate(graph.edges)}
    rank: dict[Carries, int] = {"itself": 0, "possibly": 1, "made of it": 2}
    return sorted(by_flow.values(), key=lambda two: (two[0].step, rank[two[1]], order[two[0].flow]))


def _hop(place: Place, unit: Unit, one: Onward, carries: Carries, facts: Facts | None, where: Where) -> Hop:
    flow = place.flows[one.flow]
    found = _found(place, one.flow, facts)
    done = [record for record in found if record.done]
    known, why = _known(flow.observability, one.flow, carries, facts, found)
    return Hop(
        step=one.step,
        flow=one.flow,
        title=flow.name or one.flow,
        from_=_stop(place, unit.id if flow.from_ == unit.group else flow.from_, unit),
        to=_stop(place, flow.to, unit),
        carries=carries,
        datasets=tuple(_kept(place, name) for name in one.datasets),
        purpose=flow.purpose,
        protocol=flow.protocol,
        protection=flow.protection.value,
        observability=flow.observability.value,
        agreement=flow.agreement or "",
        where=where(f"flows.{one.flow}"),
        known=known,
        why=why,
        at_ms=_ms(min((record.at_us for record in done), default=None)),
        entries=tuple(_entry(record) for record in found[:MOST_ENTRIES]),
        entries_more=max(0, len(found) - MOST_ENTRIES),
    )


def _found(place: Place, name: str, facts: Facts | None) -> list[OnRecord]:
    if facts is None:
        return []
    flow = place.flows[name]
    command = flow.protocol == "command"
    mine = (one for one in facts.records if one.flow == name or (command and one.to and _is_of(one.to, flow.to)))
    return sorted(mine, key=lambda one: (not one.done, one.at_us))


def _is_of(unit: str, end: str) -> bool:
    return unit == end or (unit.startswith(f"{end}-") and unit[len(end) + 1 :].isdigit())


def _known(
    observability: Observability, flow: str, carries: Carries, facts: Facts | None, found: Sequence[OnRecord]
) -> tuple[Known, str]:
    """How a hop is known, and why."""
    if observability is Observability.NOT_OBSERVABLE:
        return "not observable", "It does not pass through the city: nobody here can see whether it happens."
    if facts is None:
        return "withheld", "What is on record of it is for whoever holds the right `audit`."
    if any(one.done for one in found):
        took = "Something that rests on this datum left by it." if carries == "made of it" else "The datum took it."
        return "proven", took
    if found:
        return "declared", found[0].words
    return "declared", _unrecorded(observability, flow, facts)


def _unrecorded(observability: Observability, flow: str, facts: Facts) -> str:
    if flow == facts.entry_flow and facts.unfound:
        return facts.unfound
    if observability is Observability.ENFORCED:
        return "It may go by it; nothing on record says that this datum did."
    return "It may go by it; the city does not carry it, so nothing here records that this datum did."


def _entry(record: OnRecord) -> Entry:
    command = f"cityward trace {record.entry} --state STATE" if record.entry else ""
    return Entry(id=record.entry, at_ms=record.at_us // 1000, words=record.words, command=command)


def _kept(place: Place, name: str) -> Kept:
    dataset = place.datasets.get(name)
    if dataset is None:
        return Kept(dataset=name, name=name, days=None, personal=False)
    days = None if dataset.retention_days == UNKNOWN else int(dataset.retention_days)
    return Kept(dataset=name, name=name_of(place, name), days=days, personal=dataset.personal)


def _stop(place: Place, name: str, unit: Unit) -> Stop:
    group = unit.group if name == unit.id else name
    device = place.devices.get(group)
    system = place.systems.get(name)
    if device is not None:
        party, site = device.operator or device.owner, device.site
    elif system is not None:
        party, site = system.operator, system.site
    else:
        party, site = name, ""
    kind = "device" if device is not None else "system" if system is not None else "party"
    land, land_name = _land(place, place.parties[party].incorporated_in) if party in place.parties else (UNKNOWN, "")
    return Stop(
        id=name,
        name=unit.id if name == unit.id else name_of(place, name),
        kind=kind,
        party=party,
        party_name="nobody known" if party == UNKNOWN else name_of(place, party),
        land=land,
        land_name=land_name,
        stands_in=_site_land(place, site),
        ours=party == place.responsible,
    )


def _land(place: Place, name: str) -> tuple[str, str]:
    known = place.jurisdictions.get(name)
    return (UNKNOWN, "") if known is None else (known.code, known.name or name)


def _site_land(place: Place, site: str) -> str:
    known = place.sites.get(site)
    return ("" if not site else UNKNOWN) if known is None else _land(place, known.jurisdiction)[0]


def _ms(us: int | None) -> int | None:
    return None if us is None else us // 1000
