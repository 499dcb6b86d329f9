"""Each declared flow, device and access its one outcome, by the sightings that are its own.

INVARIANTS
- Silent is only what somebody looked for where it should have been: what no observer given could have seen is `no-observer`.
- The order of the sightings changes nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

import msgspec

from cityward.place.data import Flow, Observability
from cityward.place.loader import Loaded
from cityward.place.registry import ENTRY_PROTOCOLS, members
from cityward.place.things import Device, DeviceStatus
from cityward.reach.reconcile.differences import AWAY
from cityward.reach.reconcile.ends import Ends
from cityward.reach.reconcile.matching import BY_NETWORK, Matcher
from cityward.reach.reconcile.outcomes import (
    Aspect,
    Bucket,
    Difference,
    Outcome,
    Reconciled,
    Share,
    Sighting,
    Verdict,
)
from cityward.reach.reconcile.seen import Given, Seen
from cityward.reach.reconcile.telling import findings
from cityward.time import from_us

_AT_ONCE = 10_000
_ENCODER = msgspec.json.Encoder()


def reconcile(
    loaded: Loaded, seen: Iterable[Seen], given: Given, progress: Callable[[int], None] = lambda _: None
) -> Reconciled:
    """Declared against observed, both ways.

    Args:
        loaded: the declaration.
        seen: everything the observers saw, in any order.
        given: who looked, and from when on.
        progress: called now and then with how many sightings are done.
    """
    ends = Ends(loaded.place)
    matcher = Matcher(loaded.place, ends, given.since_us)
    sightings: list[Sighting] = []
    for one in sorted(seen, key=_order):
        sightings.append(matcher.sighting(one))
        if len(sightings) % _AT_ONCE == 0:
            progress(len(sightings))
    judge = _Judge(loaded, ends, given, sightings)
    flows, devices, accesses = judge.flows(), judge.devices(), judge.accesses()
    counted = Counter(sighting.bucket for sighting in sightings)
    return Reconciled(
        place=loaded.place.place,
        digest=loaded.digest,
        given=given,
        from_us=judge.from_us,
        until_us=judge.until_us,
        findings=findings(loaded, ends, sightings, (*flows, *devices, *accesses)),
        flows=flows,
        devices=devices,
        accesses=accesses,
        shares=_shares(flows),
        sightings=tuple(sightings),
        buckets={bucket: counted[bucket] for bucket in Bucket},
    )


def _order(seen: Seen) -> tuple[str, str, str, int, bytes]:
    """A total order: what is equal in it is equal in everything."""
    port = -1 if seen.port is None else seen.port
    return seen.kind, seen.source, seen.destination, port, _ENCODER.encode(seen)


def _shares(flows: Sequence[Verdict]) -> tuple[Share, ...]:
    shares: list[Share] = []
    for kind in Observability:
        mine = [flow.outcome for flow in flows if flow.observability is kind]
        counted = Counter(mine)
        shares.append(
            Share(observability=kind, declared=len(mine), outcomes={o: counted[o] for o in Outcome if counted[o]})
        )
    return tuple(shares)


@dataclass(slots=True)
class _Heard:
    """The sightings of one declared record, summed up."""

    buckets: Counter[Bucket] = field(default_factory=Counter[Bucket])
    differences: set[Difference] = field(default_factory=set[Difference])
    count: int = 0
    bytes: int = 0
    first_us: int | None = None
    last_us: int | None = None
    before_us: int | None = None  # the last time before the window
    why: set[str] = field(default_factory=set[str])

    def take(self, sighting: Sighting, path: str = "") -> None:
        """Add one; of its differences those that are of the record at `path`, not of others that it may be as well."""
        seen = sighting.seen
        self.buckets[sighting.bucket] += 1
        if sighting.bucket in (Bucket.TURNED_AWAY, Bucket.ASIDE):
            if sighting.bucket is Bucket.ASIDE:
                self.before_us = _last(self.before_us, seen.last_us)
            return
        others = tuple(f"{match}." for match in sighting.matches if match != path)
        self.differences.update(d for d in sighting.differences if not path or not d.path.startswith(others))
        self.why |= {sighting.why} - {""}
        self.count += seen.count
        self.bytes += (seen.bytes or 0) + (seen.bytes_back or 0)
        self.first_us = _first(self.first_us, seen.first_us)
        self.last_us = _last(self.last_us, seen.last_us)


def _first(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else min(one, other)


def _last(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else max(one, other)


class _Judge:
    """One reconciliation."""

    def __init__(self, loaded: Loaded, ends: Ends, given: Given, sightings: Sequence[Sighting]) -> None:
        self._loaded, self._place, self._ends, self._given = loaded, loaded.place, ends, given
        self._matched: dict[str, _Heard] = defaultdict(_Heard)  # path -> its sightings
        self._by_device: dict[str, _Heard] = defaultdict(_Heard)  # device or member -> where it spoke
        self._leaving: dict[str, list[Flow]] = defaultdict(list)  # device or member -> the flows from it
        self._about: set[str] = set()  # the records that any sighting is about, and who operates them
        self.from_us: int | None = None
        self.until_us: int | None = None
        for flow in self._place.flows.values():
            self._leaving[flow.from_].append(flow)
        for sighting in sightings:
            self._take(sighting)

    def _take(self, sighting: Sighting) -> None:
        seen = sighting.seen
        if sighting.bucket is not Bucket.ASIDE:
            self.from_us = _first(self.from_us, seen.first_us)
            self.until_us = _last(self.until_us, seen.last_us)
        for end in (self._ends.find(seen.source), self._ends.find(seen.destination)):
            self._about |= {end.record, end.party}
        for path in sighting.matches:
            self._matched[path].take(sighting, path)
        spoke = {sighting.source} | ({sighting.destination} if seen.bytes_back else set())
        for name in spoke - {""}:
            self._by_device[name].take(sighting)

    # --- flows

    def flows(self) -> tuple[Verdict, ...]:
        """In the order of the declaration."""
        return tuple(self._flow(name, flow) for name, flow in self._place.flows.items())

    def _flow(self, name: str, flow: Flow) -> Verdict:
        path = f"flows.{name}"
        heard = self._matched[path]
        outcome, why = self._by_sightings(heard)
        if outcome is None:
            outcome, why = self._unseen_flow(flow, heard)
        return self._verdict(path, outcome, why, heard, observability=flow.observability)

    def _by_sightings(self, heard: _Heard) -> tuple[Outcome | None, str]:
        if heard.buckets[Bucket.CHANGED]:
            return Outcome.CHANGED, ""
        if heard.buckets[Bucket.AS_DECLARED]:
            return Outcome.AS_DECLARED, "; ".join(sorted(heard.why))
        return None, ""

    def _unseen_flow(self, flow: Flow, heard: _Heard) -> tuple[Outcome, str]:
        if flow.observability is Observability.NOT_OBSERVABLE:
            return Outcome.NOT_OBSERVABLE, "declared so: nobody looks"
        if reason := self._not_expected(flow):
            return Outcome.NOT_EXPECTED, reason
        if not self._watched(flow):
            return Outcome.NO_OBSERVER, self._why_unwatched(flow)
        if heard.buckets[Bucket.TURNED_AWAY]:
            return Outcome.SILENT, "it was tried, and turned away"
        ends = {self._ends.declared.group_of.get(end, end) for end in (flow.from_, flow.to)}
        return Outcome.SILENT, "" if ends & self._about else "neither end was seen at all: perhaps no log covers it"

    def _not_expected(self, flow: Flow) -> str:
        if flow.observability is Observability.INFERRED:
            return "inferred: nobody is expected to see it"
        if flow.protocol == "paper":
            return "on paper"
        for end in (flow.from_, flow.to):
            device = self._place.devices.get(self._ends.declared.group_of.get(end, end))
            if device is not None and device.status is not DeviceStatus.ACTIVE:
                return f"`{end}` is {device.status}"
        return self._out_of_time(flow.valid_from, flow.valid_to, flow.agreement)

    def _out_of_time(self, begins: date | None, ends: date | None, agreement: str | None) -> str:
        """Whether all of it lies outside the window, as far as the window is known."""
        first = _day(self._given.since_us if self._given.since_us is not None else self.from_us)
        last = _day(self.until_us)
        agreed = self._place.agreements.get(agreement or "")
        over = [day for day in (ends, agreed.ends if agreed else None) if day is not None and first and day < first]
        if over:
            return f"ended on {min(over)}"
        return f"begins on {begins}" if begins is not None and last is not None and last < begins else ""

    def _watched(self, flow: Flow) -> bool:
        if self._given.city and flow.observability is Observability.ENFORCED:
            return True
        return bool(self._given.logs) and self._ends.has_address(flow.from_) and self._ends.has_address(flow.to)

    def _why_unwatched(self, flow: Flow) -> str:
        bare = [f"`{end}`" for end in (flow.from_, flow.to) if not self._ends.has_address(end)]
        if self._given.logs and bare:
            return f"no address is declared for {' and '.join(bare)}"
        return "the city's state was not given" if flow.observability is Observability.ENFORCED else "no log was given"

    # --- devices

    def devices(self) -> tuple[Verdict, ...]:
        """In the order of the declaration."""
        return tuple(self._device(name, device) for name, device in self._place.devices.items())

    def _device(self, name: str, device: Device) -> Verdict:
        units = list(dict.fromkeys([name, *(unit for unit, _, _ in members(name, device))]))
        heard, silent = _Heard(), list[str]()
        for unit in units:
            one = self._by_device.get(unit, _Heard())
            _merge(heard, one)
            if not _spoke(one) and (unit != name or len(units) == 1):
                silent.append(unit)
        outcome, why, quiet = self._device_outcome(name, device, heard, silent)
        status = {d for d in heard.differences if d.aspect is Aspect.STATUS and d.path == f"devices.{name}.status"}
        heard.differences = status
        return self._verdict(f"devices.{name}", outcome, why, heard, silent=quiet)

    def _device_outcome(
        self, name: str, device: Device, heard: _Heard, silent: list[str]
    ) -> tuple[Outcome, str, tuple[str, ...]]:
        if any(d.path == f"devices.{name}.status" for d in heard.differences):
            return Outcome.CHANGED, f"declared {device.status}, and on the network", ()
        if device.status is not DeviceStatus.ACTIVE:
            here = _spoke(heard) and device.status not in AWAY
            return (Outcome.AS_DECLARED, "", ()) if here else (Outcome.NOT_EXPECTED, f"it is {device.status}", ())
        at_the_gate = [unit for unit in silent if self._enters(name, unit)] if self._given.city else []
        if at_the_gate or (not _spoke(heard) and self._given.logs and device.addresses):
            return Outcome.SILENT, "", tuple(at_the_gate)
        return (Outcome.AS_DECLARED, "", ()) if _spoke(heard) else (*self._unwatched(name, device), ())

    def _enters(self, name: str, unit: str) -> bool:
        """Whether what this unit says goes through our gate."""
        leaving = (*self._leaving.get(name, ()), *self._leaving.get(unit, ()))
        return any(f.observability is Observability.ENFORCED and f.protocol in ENTRY_PROTOCOLS for f in leaving)

    def _unwatched(self, name: str, device: Device) -> tuple[Outcome, str]:
        units = (name, *(unit for unit, _, _ in members(name, device)))
        mine = [flow for unit in dict.fromkeys(units) for flow in self._leaving.get(unit, ())]
        if mine and all(flow.observability is Observability.NOT_OBSERVABLE for flow in mine):
            return Outcome.NOT_OBSERVABLE, "all its flows are declared so"
        if self._given.logs and not device.addresses:
            return Outcome.NO_OBSERVER, "no address is declared for it"
        return Outcome.NO_OBSERVER, "nothing given could have seen it"

    # --- accesses

    def accesses(self) -> tuple[Verdict, ...]:
        """In the order of the declaration."""
        return tuple(self._access(name) for name in self._place.accesses)

    def _access(self, name: str) -> Verdict:
        path = f"accesses.{name}"
        heard = self._matched[path]
        outcome, why = self._by_sightings(heard)
        if outcome is None:
            outcome, why = self._unused(name)
        return self._verdict(path, outcome, why, heard)

    def _unused(self, name: str) -> tuple[Outcome, str]:
        access = self._place.accesses[name]
        if BY_NETWORK.isdisjoint(access.modes):
            return Outcome.NOT_OBSERVABLE, "not used over a network"
        if reason := self._out_of_time(access.valid_from, access.valid_to, access.agreement):
            return Outcome.NOT_EXPECTED, reason
        if not access.standing:
            return Outcome.NOT_EXPECTED, "opened for a task only"
        if self._given.city and access.target == self._place.platform:
            return Outcome.SILENT, "no console session"
        if self._given.logs and self._ends.has_address(access.party) and self._ends.has_address(access.target):
            return Outcome.SILENT, ""
        return Outcome.NO_OBSERVER, "nothing given could have seen it"

    def _verdict(
        self, path: str, outcome: Outcome, why: str, heard: _Heard, *, silent: tuple[str, ...] = (),
        observability: Observability | None = None,
    ) -> Verdict:  # fmt: skip
        return Verdict(
            path=path,
            outcome=outcome,
            why=why,
            where=self._loaded.where(path),
            observability=observability,
            differences=tuple(sorted(heard.differences)),
            count=heard.count,
            bytes=heard.bytes,
            first_us=heard.first_us,
            last_us=_last(heard.before_us, heard.last_us),
            silent=silent,
        )


def _spoke(heard: _Heard) -> bool:
    """Whether it was heard; what was turned away was heard as well."""
    return any(heard.buckets[bucket] for bucket in Bucket if bucket is not Bucket.ASIDE)


def _merge(into: _Heard, other: _Heard) -> None:
    into.buckets += other.buckets
    into.differences |= other.differences
    into.count += other.count
    into.bytes += other.bytes
    into.first_us, into.last_us = _first(into.first_us, other.first_us), _last(into.last_us, other.last_us)
    into.before_us = _last(into.before_us, other.before_us)


def _day(us: int | None) -> date | None:
    return None if us is None else from_us(us).date()
