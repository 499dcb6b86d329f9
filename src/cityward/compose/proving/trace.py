"""Where a thing came from and what it reached: a command, a record, a device, a finding, an incident or a mark, as a tree.

Back: what it rests on, down to the readings, their flows and the records they were admitted by. Forward: what it moved and whom
it reached. Every branch is bounded and says what it left out. Opened by state directory; the city need not run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from cityward.adapters.ledgers.reading import folder_reader, ledgers_under, records_between, signed_state, tail_of
from cityward.compose.home import Home
from cityward.compose.proving.taint import recipients_of, taint_in
from cityward.compose.proving.told_releases import told_of
from cityward.compose.setting import Setting, open_setting
from cityward.errors import PlaceError
from cityward.evidence.records import (
    Admission,
    AnyRecord,
    CommandIssued,
    CommandOutcome,
    Found,
    Marked,
    Retracted,
    Standing,
)
from cityward.insight.marks import OPEN
from cityward.runtime.causes import cause_line
from cityward.runtime.ports import CommandRow, SourceSpan
from cityward.runtime.undoing.mark_ports import MarkRow
from cityward.time import DAY, MINUTE, iso
from cityward.watch.findings import Finding, Incident

FEW = 8  # children of one kind that are told; the rest is counted
REPORTS_WITHIN_US = 30 * MINUTE
_ENTRY = re.compile(r"[a-z0-9-]{1,64}:\d{1,12}")


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """One thing on the way. `id` is what `cityward trace` takes, where it takes it."""

    kind: str
    id: str
    words: str
    children: tuple[Node, ...] = ()


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """A thing, what it rests on, and what it reached."""

    subject: Node
    back: tuple[Node, ...]
    forward: tuple[Node, ...]


def trace(state: Path, id_: str) -> Trace:
    """The way back and forward.

    Raises:
        CitywardError: no city ran there, nothing has this id, or a store did not answer.
    """
    setting = open_setting(Home(state))
    try:
        return _Tracer(setting).trace(id_)
    finally:
        setting.state.dispose()


class _Tracer:
    """One question; what it reads of ledgers is read once."""

    def __init__(self, setting: Setting) -> None:
        self.setting, self.state, self.registry = setting, setting.state, setting.registry
        self.history = setting.history()
        self._admissions: list[tuple[str, Admission]] | None = None

    def trace(self, id_: str) -> Trace:
        ways: tuple[Callable[[str], Trace | None], ...] = (
            self._of_entry, self._of_command, self._of_mark, self._of_finding, self._of_incident, self._of_device,
        )  # fmt: skip
        for way in ways:
            found = way(id_)
            if found is not None:
                return found
        mend = "give a command's id, an entry (`service:12`), a unit, a finding, an incident or a mark"
        raise PlaceError(f"nothing is known by `{id_}`", mend=mend)

    # -- records ------------------------------------------------------------------------------------------------------

    def _of_entry(self, id_: str) -> Trace | None:
        if _ENTRY.fullmatch(id_) is None:
            return None
        role, _, index = id_.partition(":")
        folder = self.setting.home.ledger(role)
        if not folder.is_dir():
            return None
        state = signed_state(folder)
        if int(index) >= state.size:
            return None
        _, record = records_between(folder_reader(folder), state.origin, int(index), int(index) + 1)[0]
        about = self._about(record)
        subject = _record_node(id_, record)
        if about is None:
            return Trace(subject=subject, back=self._behind(record), forward=())
        return Trace(subject=subject, back=(about.subject, *about.back), forward=about.forward)

    def _about(self, record: AnyRecord) -> Trace | None:
        """The trace of what a record is about."""
        match record:
            case CommandIssued() | CommandOutcome():
                return self._of_command(record.command_id)
            case Marked():
                return self._of_mark(record.mark)
            case Retracted() if record.marks:
                return self._of_mark(record.marks[0])
            case Found():
                return self._of_finding(record.finding)
            case Standing():
                return self._of_device(record.device)
            case _:
                return None

    def _behind(self, record: AnyRecord) -> tuple[Node, ...]:
        if not isinstance(record, Admission):
            return ()
        return tuple(
            Node(kind="flow", id=flow, words=f"{admitted} of {received} rows admitted, {refused} refused, {shed} shed")
            for flow, (received, admitted, refused, shed) in sorted(record.by_flow.items())
        )

    # -- commands -----------------------------------------------------------------------------------------------------

    def _of_command(self, id_: str) -> Trace | None:
        row = self.state.command(id_)
        if row is None:
            return None
        because = ", ".join(f"{name} {words}" for name, words in sorted(row.cause.items()))
        back = (
            Node(kind="cause", id="", words=cause_line(row)),
            Node(kind="service", id=row.service, words=f"proposed it: {because}"),
            Node(kind="record", id=row.record, words="put on record before it was sent"),
            *(self._source(span) for span in row.sources),
        )
        if not row.sources:
            back = (
                *back,
                Node(kind="source", id="", words="it rests on no reading: the clock and the declaration alone"),
            )
        return Trace(subject=_command_node(row), back=back, forward=self._moved(row))

    def _source(self, span: SourceSpan) -> Node:
        rows = self.history.rows_of(span.device, span.oldest_at, span.newest_at + 1)
        order = sorted(range(len(rows)), key=lambda i: int(rows.observed_at[i]))
        readings = [
            Node(
                kind="reading",
                id=self._admission(int(rows.seq[i])),
                words=f"{rows.property[i]} {float(rows.value[i]):g}, observed {iso(int(rows.observed_at[i]))}, "
                f"received {iso(int(rows.received_at[i]))}",
            )
            for i in order
        ]
        marks = [m for m in self.state.marks(span.device) if m.since <= span.newest_at and m.until > span.oldest_at]
        children = (
            *_few("reading", readings),
            *(_mark_node(self._row(m.id), m.id) for m in marks),
            self._flow(span.device),
        )
        return Node(kind="source", id=span.device, words=self._who(span.device), children=children)

    def _moved(self, row: CommandRow) -> tuple[Node, ...]:
        settled = f" at {iso(row.settled_at)}" if row.settled_at is not None else ""
        sets = self._sets(row)
        reports = (
            self.history.window(row.device, [sets], row.sent_at, row.sent_at + REPORTS_WITHIN_US, 3) if sets else ()
        )
        told = tuple(Node(kind="reading", id="", words=f"{p} {v:g} at {iso(at)}") for p, at, v in reports)
        serves = [
            Node(kind="function", id=name, words=function.name or name)
            for name, function in self.setting.loaded.place.functions.items()
            if function.service == row.service
        ]
        device = Node(
            kind="device", id=row.device, words=f"{row.state}{settled}; {self._who(row.device)}", children=told
        )
        return (device, *_few("function", serves))

    def _sets(self, row: CommandRow) -> str:
        unit = self.registry.unit_index.get(row.device)
        model = self.registry.models[self.registry.units[unit].model] if unit is not None else None
        limits = model.commands.get(row.command) if model is not None else None
        return limits.sets if limits is not None else ""

    # -- marks --------------------------------------------------------------------------------------------------------

    def _row(self, id_: str) -> MarkRow | None:
        rows = self.state.mark_rows(id_=id_)
        return rows[0] if rows else None

    def _of_mark(self, id_: str) -> Trace | None:
        row = self._row(id_)
        if row is None:
            return None
        mark = row.mark
        back = (
            Node(kind="record", id=mark.record, words=f"said by {mark.person}, {iso(mark.made_at)}: {mark.why}"),
            Node(kind="device", id=mark.device, words=f"{row.rows} rows then; {self._who(mark.device)}"),
        )
        commands, count = self.state.commands_from(mark.device, mark.since, mark.until, FEW)
        done = self.state.retraction(id_)
        forward = [_command_node(command) for command in commands]
        if count > len(commands):
            forward.append(_more("command", count - len(commands)))
        if done is not None:
            words = f"{done.hours} hourly indicators and {done.ranges} expected ranges made again"
            forward.append(Node(kind="record", id=done.record, words=words))
        return Trace(subject=_mark_node(row, id_), back=back, forward=(*forward, *self._recipients(mark.device)))

    # -- findings, incidents ------------------------------------------------------------------------------------------

    def _of_finding(self, id_: str) -> Trace | None:
        finding = self.state.watch.finding(id_)
        if finding is None:
            return None
        back = [Node(kind="record", id=entry, words="it rests on this") for entry in finding.records]
        if finding.history is not None:
            name, since, until = finding.history
            back.append(Node(kind="history", id=name.partition("/")[0], words=f"{name}, {iso(since)} to {iso(until)}"))
        facts = [Node(kind="fact", id="", words=f"{name}: {words}") for name, words in sorted(finding.facts.items())]
        forward = [self._standing(finding.subject)] if finding.subject in self.registry.unit_index else []
        if finding.incident:
            forward.append(Node(kind="incident", id=finding.incident, words="gathered there"))
        forward += [_mark_node(row, row.mark.id) for row in self._marks_since(finding)]
        return Trace(subject=_finding_node(finding), back=(*back, *_few("fact", facts)), forward=tuple(forward))

    def _marks_since(self, finding: Finding) -> Sequence[MarkRow]:
        return [row for row in self.state.mark_rows(finding.subject, most=FEW) if row.mark.until > finding.began_at]

    def _of_incident(self, id_: str) -> Trace | None:
        incident = self.state.watch.incident(id_)
        if incident is None:
            return None
        findings = [_finding_node(finding) for finding in self.state.watch.findings(incident=id_, most=FEW)]
        more = (_more("finding", incident.findings - len(findings)),) if incident.findings > len(findings) else ()
        units = [subject for subject in incident.first_subjects if subject in self.registry.unit_index]
        return Trace(
            subject=_incident_node(incident),
            back=(*findings, *more),
            forward=_few("device", [self._standing(unit) for unit in units]),
        )

    # -- devices ------------------------------------------------------------------------------------------------------

    def _of_device(self, id_: str) -> Trace | None:
        if id_ not in self.registry.unit_index:
            return None
        findings = [_finding_node(finding) for finding in self.state.watch.findings(device=id_, most=FEW)]
        marks = [_mark_node(row, row.mark.id) for row in self.state.mark_rows(id_, most=FEW)]
        told = [_command_node(row) for row in self.state.commands(FEW, id_)]
        now = self.setting.now_us()
        touched = taint_in(self.setting, id_, now - DAY, now)
        indicators = [
            Node(kind="indicator", id="", words=f"{p.property} {p.area}: {p.rows} readings in {len(p.hours)} hours")
            for p in touched.properties
        ]
        moved = [
            Node(kind="command", id=c.command_id, words=f"{c.device}: {c.command} {c.value:g} at {iso(c.sent_at)}")
            for c in touched.commands
        ]
        services = [Node(kind="service", id=name, words="is shown its readings") for name in touched.shown]
        return Trace(
            subject=Node(kind="device", id=id_, words=self._who(id_)),
            back=(self._flow(id_), self._standing(id_), *findings, *marks, *told),
            forward=(*indicators, *services, *_few("command", moved), *self._recipients(id_), *self._given(id_)),
        )

    def _recipients(self, device: str) -> tuple[Node, ...]:
        if device not in self.registry.unit_index:
            return ()
        found = recipients_of(self.setting.loaded.place, self.registry)(device)
        return _few("party", [Node(kind="party", id=r.party, words=f"receives it by {', '.join(r.by)}") for r in found])

    def _given(self, device: str) -> tuple[Node, ...]:
        """What really left of it, ever, with the newest receipts."""
        nodes = [
            Node(
                kind="release",
                id=one.recipient,
                words=f"{one.party} was given {one.dataset} observed {iso(one.since)} to {iso(one.until)}, {one.count} receipts",
                children=_few("receipt", [Node(kind="receipt", id=record, words="") for record in one.receipts]),
            )
            for one in told_of(self.setting, device, 0, self.setting.now_us() + 1)
        ]
        return _few("release", nodes)

    def _standing(self, device: str) -> Node:
        standing = self.state.watch.standings().get(device)
        if standing is None:
            return Node(kind="standing", id=device, words="trusted")
        because = tuple(Node(kind="finding", id=finding, words="") for finding in standing.because[:FEW])
        words = f"{standing.state.value} since {iso(standing.since)}, trust {standing.trust:.2f}"
        return Node(kind="standing", id=device, words=words, children=because)

    def _who(self, device: str) -> str:
        unit = self.registry.unit_index.get(device)
        if unit is None:
            return "no longer declared"
        group, place = self.registry.units[unit].group, self.setting.loaded.place
        declared = place.devices[group]
        maker = place.device_models[declared.model].maker
        return f"{declared.model} by {maker}, owned by {declared.owner}, at {declared.site}, zone {declared.zone or 'unknown'}"

    def _flow(self, device: str) -> Node:
        unit = self.registry.unit_index.get(device)
        number = self.registry.units[unit].flow if unit is not None else -1
        if number < 0:
            return Node(kind="flow", id="", words="no flow carries its messages here")
        name = self.registry.flows[number]
        flow = self.setting.loaded.place.flows[name]
        return Node(kind="flow", id=name, words=f"{flow.from_} to {flow.to} by {flow.protocol}, for {flow.purpose}")

    def _admission(self, seq: int) -> str:
        """The entry by which a log sequence was admitted; empty where it is older than what is read of the ledgers."""
        if self._admissions is None:
            folders = [f for f in ledgers_under(self.setting.home.root) if f.name.startswith("worker-")]
            tails = [entry for folder in folders for entry in tail_of(folder, 10_000)]
            self._admissions = [(entry, r) for entry, r in tails if isinstance(r, Admission)]
        return next((entry for entry, r in reversed(self._admissions) if r.first_seq <= seq <= r.last_seq), "")


def _few(kind: str, nodes: Sequence[Node]) -> tuple[Node, ...]:
    """The first, and how many more there are."""
    return (*nodes[:FEW], *((_more(kind, len(nodes) - FEW),) if len(nodes) > FEW else ()))


def _more(kind: str, count: int) -> Node:
    return Node(kind=kind, id="", words=f"and {count:,} more")


def _command_node(row: CommandRow) -> Node:
    words = f"{row.device}: {row.command} {row.value:g} by {row.service}, sent {iso(row.sent_at)}, {row.state}"
    return Node(kind="command", id=row.command_id, words=words)


def _finding_node(finding: Finding) -> Node:
    words = f"{finding.severity.value}: {finding.words} ({finding.detector}, from {iso(finding.began_at)})"
    return Node(kind="finding", id=finding.id, words=words)


def _incident_node(incident: Incident) -> Node:
    words = f"{incident.severity.value}, {incident.state.value}: {incident.title}, from {iso(incident.began_at)}"
    return Node(kind="incident", id=incident.id, words=words)


def _mark_node(row: MarkRow | None, id_: str) -> Node:
    if row is None:
        return Node(kind="mark", id=id_, words="gone")
    mark = row.mark
    until = "on" if mark.until == OPEN else f"to {iso(mark.until)}"
    what = ", ".join(mark.properties) or "all it said"
    words = f"{mark.state.value} ({row.phase}): {mark.device}, {what}, from {iso(mark.since)} {until}; {mark.why}"
    return Node(kind="mark", id=id_, words=words)


def _record_node(id_: str, record: AnyRecord) -> Node:
    """A record as it stands, shortened."""
    body = msgspec.to_builtins(record)
    said = ", ".join(f"{name} {value}" for name, value in sorted(body.items()) if name not in ("kind", "at", "by"))
    return Node(kind="record", id=id_, words=f"{body['kind']} by {record.by}, {iso(record.at)}: {said[:400]}")
