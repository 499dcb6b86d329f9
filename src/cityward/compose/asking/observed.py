"""What a city saw, running or stopped, and what logs of others say, held against its declaration.

The state database has the counts of every flow, each device's last word and what was refused; the evidence ledgers have when it
was, who signed in, and whom the broker turned away. City time is told as the machine's, so that it lies beside other logs.

INVARIANT: nothing here changes what a city holds; `tell_report` tells its watch of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cityward.adapters.flow_logs.reading import FlowLog, read_flow_log
from cityward.adapters.ledgers.reading import folder_reader, ledgers_under, records_between, signed_state
from cityward.adapters.stores.state import SqlState
from cityward.compose.gathering.network import Destinations
from cityward.compose.home import Home, read_city_file
from cityward.compose.setting import open_setting
from cityward.compose.watching.telling import tell_watch
from cityward.errors import EvidenceError, LinkError
from cityward.evidence.records import Admission, AdmissionPart, AnyRecord, Lifecycle, Superseded
from cityward.guard.admit import UNDECLARED
from cityward.guard.reasons import Reason
from cityward.place.loader import Loaded
from cityward.place.model import Place
from cityward.place.registry import members
from cityward.reach.reconcile.ends import Ends
from cityward.reach.reconcile.judging import reconcile
from cityward.reach.reconcile.outcomes import Reconciled
from cityward.reach.reconcile.seen import Given, Seen, SeenKind
from cityward.time import CityClock

LEDGER_MOST = 100_000  # newest entries read of each ledger: a day and more of a worker that writes one a second
_CHUNK = 10_000
_STATE = "state database"
_OF_A_DEVICE = (Reason.UNKNOWN_DEVICE, Reason.INACTIVE_DEVICE, Reason.WRONG_DEVICE)

Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Observed:
    """What was seen, why the gate refused what it refused (flow, reason, rows), and what a reader must know."""

    seen: tuple[Seen, ...] = ()
    refusals: tuple[tuple[str, str, int], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A reconciliation with its sources."""

    reconciled: Reconciled
    logs: tuple[FlowLog, ...]
    refusals: tuple[tuple[str, str, int], ...]
    notes: tuple[str, ...]


def reconcile_with(
    loaded: Loaded,
    state: Path | None,
    logs: Sequence[Path],
    since_us: int | None,
    progress: Progress = lambda _, __: None,
) -> Report:
    """The declaration against what the city saw and what the logs say.

    Raises:
        LinkError: no city ran in `state`, or a log cannot be read.
        DecodeError: one of the logs is none.
    """
    city = observe(state, loaded, since_us) if state is not None else Observed()
    matters = Ends(loaded.place).either_declared
    read = [
        read_flow_log(path, since_us, lambda lines, name=path.name: progress(name, lines), matters) for path in logs
    ]
    names, beyond = tuple(log.name for log in read), sum(log.beyond for log in read)
    given = Given(city=str(state or ""), logs=names, since_us=since_us, beyond=beyond)
    seen = (*city.seen, *(one for log in read for one in log.seen))
    return Report(
        reconciled=reconcile(loaded, seen, given, lambda done: progress("compared", done)),
        logs=tuple(read),
        refusals=city.refusals,
        notes=(*city.notes, *(f"{log.name}: {note}" for log in read for note in log.notes)),
    )


def tell_report(state: Path, loaded: Loaded, report: Report) -> int:
    """Tell the watch of a running city what the logs say of connections that no declared flow explains; how many events.

    Raises:
        LinkError: no city ran in `state`, or none runs now.
    """
    setting = open_setting(Home(state))
    seen = (one for log in report.logs for one in log.seen)
    events = Destinations(loaded).events(seen, setting.now_us(), "reconcile")
    if not tell_watch(setting, events, "reconcile"):
        raise LinkError(f"the city in {state} does not run, so its watch was not told", mend="start it: cityward run")
    return len(events)


def observe(state: Path, loaded: Loaded, since_us: int | None = None) -> Observed:
    """What the city of a state directory saw, now or until it stopped.

    Raises:
        LinkError: no city ran there.
    """
    home = Home(state)
    city = read_city_file(home)
    if not (home.root / "state.db").is_file():
        raise LinkError(f"the city in {home.root} has no state database", mend="start it: cityward run")
    looking = _Looking(loaded.place, city.city_clock, since_us)
    if city.declaration != loaded.digest:
        looking.notes.append("the city was started with another version of this declaration")
    for folder in ledgers_under(home.root):
        looking.ledger(folder)
    store = SqlState(home.state_url)
    try:
        return looking.at(store)
    finally:
        store.dispose()


@dataclass(slots=True)
class _Tally:
    """Counts of one thing, with the times and the newest entry."""

    count: int = 0
    refused: int = 0
    first: int | None = None
    last: int | None = None
    entry: str = _STATE

    def take(self, at: int, entry: str, count: int, refused: int = 0) -> None:
        """Add some."""
        self.count += count
        self.refused += refused
        self.first = at if self.first is None else min(self.first, at)
        if self.last is None or at >= self.last:
            self.last, self.entry = at, entry


def _tallies() -> defaultdict[str, _Tally]:
    return defaultdict(_Tally)


@dataclass(slots=True)
class _Looking:
    """One look at one city. Times inside are the city's, until `_seen` tells them as the machine's."""

    place: Place
    clock: CityClock
    since_us: int | None
    notes: list[str] = field(default_factory=list[str])
    flows: defaultdict[str, _Tally] = field(default_factory=_tallies)
    people: defaultdict[str, _Tally] = field(default_factory=_tallies)
    refused: defaultdict[str, _Tally] = field(default_factory=_tallies)  # `reason device`, by the broker
    turned_away: _Tally = field(default_factory=_Tally)

    @property
    def _platform(self) -> str:
        return self.place.platform or ""

    @property
    def _since_city(self) -> int:
        return 0 if self.since_us is None else self.clock.to_city_us(self.since_us)

    # --- the ledgers

    def ledger(self, folder: Path) -> None:
        """Read a ledger back to where the window begins. One that does not read is told, and left to `cityward verify`."""
        superseded: set[str] = set()
        try:
            for entry, record in _newest_first(folder, self._since_city):
                if isinstance(record, Superseded):
                    superseded.add(f"{entry.rpartition(':')[0]}:{record.entry}")
                elif record.at >= self._since_city and entry not in superseded:
                    self._take(entry, record)
        except (EvidenceError, LinkError) as error:
            self.notes.append(f"the ledger {folder.name} was not read: {error.what}; run `cityward verify`")

    def _take(self, entry: str, record: AnyRecord) -> None:
        if isinstance(record, Admission | AdmissionPart):
            for flow, (_, admitted, refused, shed) in record.by_flow.items():
                self.flows[flow].take(record.at, entry, admitted, refused + shed)
        elif isinstance(record, Lifecycle) and record.event == "sign-in":
            self.people[record.detail.get("who", "")].take(record.at, entry, 1)
        elif isinstance(record, Lifecycle) and record.event == "broker-turned-away":
            self.turned_away.take(record.at, entry, _number(record.detail.get("count", "")))
        elif isinstance(record, Lifecycle) and record.event == "broker-refusals":
            for what, count in record.detail.items():
                self.refused[what].take(record.at, entry, _number(count))

    # --- the state database

    def at(self, store: SqlState) -> Observed:
        """All that was seen."""
        if self.since_us is None:
            for row in store.counts():  # all there ever was; the ledgers say when
                tally = self.flows[row.flow]
                tally.count, tally.refused = row.admitted, row.refused + row.shed
        seen = [
            *self._flows_seen(),
            *self._devices_seen(store),
            *self._commands_seen(store),
            *self._people_seen(store),
        ]
        refusals = tuple((flow, reason, count) for (flow, reason), count in sorted(store.reasons().items()))
        return Observed(tuple(seen), refusals, tuple(self.notes))

    def _flows_seen(self) -> Iterator[Seen]:
        for name, tally in sorted(self.flows.items()):
            if name == UNDECLARED:
                continue  # told device by device, from what was refused
            flow = self.place.flows.get(name)
            ends = (flow.from_, flow.to) if flow is not None else ("", self._platform)
            for count, refused in ((tally.count, ""), (tally.refused, "by the gate")):
                if count:
                    yield self._seen(SeenKind.FLOW, ends, tally, count, flow=name, refused=refused)

    def _devices_seen(self, store: SqlState) -> Iterator[Seen]:
        for device, last in store.seen().items():
            yield self._seen(SeenKind.IDENTITY, (device, self._platform), _Tally(1, 0, last, last))
        for device, reason, count, first, last in store.refused_devices(self._since_city):
            ends, tally = (device, self._platform), _Tally(count, 0, first, last)
            if reason == Reason.NO_FLOW.word:
                yield self._seen(SeenKind.FLOW, ends, tally, flow="", refused=reason)
            elif reason in {known.word for known in _OF_A_DEVICE}:
                yield self._seen(SeenKind.IDENTITY, ends, tally, refused=reason)
        for what, tally in sorted(self.refused.items()):
            reason, _, device = what.partition(" ")
            yield self._seen(SeenKind.IDENTITY, (device, self._platform), tally, refused=reason)

    def _commands_seen(self, store: SqlState) -> Iterator[Seen]:
        group_of = {unit: name for name, device in self.place.devices.items() for unit, _, _ in members(name, device)}
        orders = {flow.to: name for name, flow in self.place.flows.items() if flow.protocol == "command"}
        for device, count, first, last in store.commanded(self._since_city):
            flow = orders.get(device) or orders.get(group_of.get(device, device), "")
            yield self._seen(SeenKind.FLOW, (self._platform, device), _Tally(count, 0, first, last), flow=flow)

    def _people_seen(self, store: SqlState) -> Iterator[Seen]:
        platform = self._platform
        system = self.place.systems.get(platform)
        operator = system.operator if system is not None else ""
        for who, tally in sorted(self.people.items()):
            person = store.person(who)
            source = person.party if person is not None else operator if who == "operator" else who
            yield self._seen(SeenKind.SESSION, (source, platform), tally)
        if self.turned_away.count:
            yield self._seen(SeenKind.SESSION, ("", platform), self.turned_away, refused="by the broker")

    def _seen(
        self, kind: SeenKind, ends: tuple[str, str], tally: _Tally, count: int | None = None, *,
        flow: str | None = None, refused: str = "",
    ) -> Seen:  # fmt: skip
        return Seen(
            kind=kind,
            source=ends[0],
            destination=ends[1],
            flow=flow,
            first_us=None if tally.first is None else self.clock.to_machine_us(tally.first),
            last_us=None if tally.last is None else self.clock.to_machine_us(tally.last),
            count=tally.count if count is None else count,
            refused=refused,
            where_from=tally.entry,
        )


def _newest_first(folder: Path, since_us: int) -> Iterator[tuple[str, AnyRecord]]:
    """The signed records of a ledger, back to a time, or to the bound."""
    state = signed_state(folder)
    read, stop = folder_reader(folder), state.size
    end = max(0, stop - LEDGER_MOST)
    while stop > end:
        first = max(end, stop - _CHUNK)
        part = records_between(read, state.origin, first, stop)
        yield from reversed(part)
        if part and part[0][1].at < since_us:
            return
        stop = first


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 19 else 0
