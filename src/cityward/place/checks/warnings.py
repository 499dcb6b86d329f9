"""What is true and worth knowing, and no reason not to run; and what a reader must know to read the result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache

import msgspec

from cityward.place.checks.whole import Problem, Whole, Word, member_ids, recipient, records
from cityward.place.data import Observability, Protection
from cityward.place.hints import listed
from cityward.place.model import Place
from cityward.place.record import UNKNOWN
from cityward.place.registry import ENTRY_PROTOCOLS
from cityward.place.things import DeviceStatus


def unknowns(whole: Whole) -> Iterator[Problem]:
    """Every `unknown`, also where it is what leaving the field out means."""
    for path, record in records(whole.place):
        for name in _may_be_unknown(type(record)):
            if getattr(record, name) == UNKNOWN:
                mend = "find out, and say where from in `source`"
                yield Problem(f"{path}.{name}", f"`{name}` is not known", mend, Word.UNKNOWN)


@cache
def _may_be_unknown(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    return tuple(name for name in kind.__struct_fields__ if name not in _FREE_TEXT)


_FREE_TEXT = frozenset(
    {"name", "note", "source", "asserted_by", "citation", "dpv", "fail_safe", "ngsi_type", "settings"}
)


def readings_are_carried(whole: Whole) -> Iterator[Problem]:
    """Each property of an active device is carried by some flow; what none carries is refused at the gate."""
    for name, device in whole.place.devices.items():
        model = whole.place.device_models.get(device.model)
        if model is None or device.status is not DeviceStatus.ACTIVE:
            continue
        units = member_ids(name, device)
        everywhere = {prop for _, flow in whole.flows_from.get(name, ()) for prop in whole.carried(flow)}
        parts = [{p for _, flow in whole.flows_from.get(unit, ()) for p in whole.carried(flow)} for unit in units]
        carried = everywhere | (set.intersection(*parts) if parts else set())
        for prop in model.properties:
            if prop not in carried:
                what = f"`{prop}` of `{name}` is carried by no flow"
                mend = "declare a flow with a dataset that has it, or take it out of the model"
                yield Problem(f"devices.{name}", what, mend, Word.UNCARRIED)


def systems_receive_by_agreement(whole: Whole) -> Iterator[Problem]:
    """Data that flows into a system another party operates, without an agreement."""
    for name, flow in whole.place.flows.items():
        operator = recipient(whole, flow)
        sender = whole.place.systems.get(flow.from_)
        home = {whole.place.responsible, sender.operator if sender else None}
        if flow.agreement is None and flow.to in whole.place.systems and operator is not None and operator not in home:
            told = f"flow `{name}` sends {listed(flow.datasets)} to `{flow.to}`"
            what = f"{told}, which `{operator}` operates, without an agreement"
            yield Problem(f"flows.{name}", what, "declare what was agreed, and name it in the flow", Word.NO_AGREEMENT)


def zones_are_joined(whole: Whole) -> Iterator[Problem]:
    """A flow between two zones that no conduit joins: either the flow or the network is not as declared."""
    joined = {frozenset(conduit.zones) for conduit in whole.place.conduits.values()}
    for name, flow in whole.place.flows.items():
        ends = {zone for zone in (_zone(whole, flow.from_), _zone(whole, flow.to)) if zone is not None}
        if len(ends) == 2 and frozenset(ends) not in joined:
            first, second = sorted(ends)
            what = f"flow `{name}` goes between zones `{first}` and `{second}`, which no conduit joins"
            yield Problem(f"flows.{name}", what, "declare the conduit, or correct the zones", Word.NO_CONDUIT)


def _zone(whole: Whole, end: str) -> str | None:
    thing = whole.device(end) or whole.place.systems.get(end)
    return thing.zone if thing is not None else None


def unprotected_entries(whole: Whole) -> Iterator[Problem]:
    """Plain entry: the broker takes it on loopback only, and only in the demo."""
    for name, flow in whole.place.flows.items():
        enters = flow.observability is Observability.ENFORCED and flow.protocol in ENTRY_PROTOCOLS
        if enters and flow.protection in (Protection.NONE, Protection.UNKNOWN) and whole.device(flow.from_) is not None:
            what = f"flow `{name}` enters by `{flow.protocol}` with protection `{flow.protection}`"
            yield Problem(
                f"flows.{name}.protection", what, "use `tls`: outside a demo the doors take nothing less", Word.PLAIN
            )


def notes(place: Place) -> tuple[str, ...]:
    """What a reader must know to read the result: how far the claims reach, and what `acknowledged` promises."""
    kinds = Counter(flow.observability.value for flow in place.flows.values())
    shares = ", ".join(f"{kinds[kind.value]} {kind.value}" for kind in Observability)
    return (
        f"of {len(place.flows)} flows: {shares}. Cityward vouches for the enforced ones only.",
        "an acknowledged reading survives a kill of any process; a power cut can lose the last two minutes. "
        "`cityward run --sync-always`, or a bus of three replicas, survives that too.",
    )
