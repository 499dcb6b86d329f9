"""What the log says of an incident, in the order of time: every entry that touches its subjects, each with its id.

Does not live here: what is affected (`affected`); words for people beyond one line an entry.

INVARIANT: bounded: of each kind the newest `MOST_OF_A_KIND` are told, the others counted, never dropped in silence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cityward.assurance.incidents.affected import Affected
from cityward.assurance.incidents.file import IncidentFile
from cityward.assurance.trail import Trail
from cityward.evidence import records as r

MOST_OF_A_KIND = 200


@dataclass(frozen=True, slots=True)
class Moment:
    """One entry. at: city us; kind: the record's; subject: what of the file it touches."""

    at: int
    entry: str
    kind: str
    subject: str
    said: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """Oldest first. more: kind -> how many further entries there are."""

    moments: tuple[Moment, ...]
    more: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class _Scope:
    """What entries are held against: names of units, devices, services, recipients, flows, incidents; and the span."""

    file: IncidentFile
    names: frozenset[str]
    flows: frozenset[str]
    recipients: frozenset[str]


Touches = Callable[[Any, _Scope], str]
"""What of the file a record touches; "" where nothing."""


def timeline_of(file: IncidentFile, affected: Affected, trail: Trail) -> Timeline:
    """The timeline of a file, from when it began to now."""
    scope = _Scope(
        file=file,
        names=frozenset(_bare(file.subjects)) | {*affected.units, *affected.devices},
        flows=frozenset(affected.flows),
        recipients=frozenset(one.recipient for one in affected.recipients),
    )
    moments: list[Moment] = []
    more = Counter[str]()
    for kind, (touches, says) in _KINDS.items():
        found = list(_found(trail, kind, touches, says, scope))
        moments += found[-MOST_OF_A_KIND:]
        if len(found) > MOST_OF_A_KIND:
            more[found[0].kind] += len(found) - MOST_OF_A_KIND
    return Timeline(tuple(sorted(moments, key=lambda one: (one.at, one.entry))), dict(more))


def _found(
    trail: Trail, kind: type[r.Record], touches: Touches, says: Callable[[Any], str], scope: _Scope
) -> Iterator[Moment]:
    tag = str(kind.__struct_config__.tag)
    for entry in trail.of(kind):
        at = entry.record.at
        if isinstance(entry.record, r.FileNoted) or at >= scope.file.began_at:
            subject = touches(entry.record, scope)
            if subject:
                yield Moment(at, entry.id, tag, subject, says(entry.record))


def _bare(subjects: tuple[str, ...]) -> Iterator[str]:
    for subject in subjects:
        yield subject
        yield subject.rpartition(":")[2]


def _by(*fields: str) -> Touches:
    """Touches by the value of a field: a name, or a list of names."""

    def touches(record: Any, scope: _Scope) -> str:
        for name in fields:
            value: Any = getattr(record, name)
            for one in value if isinstance(value, tuple) else (value,):  # pyright: ignore[reportUnknownVariableType]
                bare = str(one).rpartition(":")[2]  # pyright: ignore[reportUnknownArgumentType]
                if bare and bare in scope.names:
                    return bare
        return ""

    return touches


def _of_incident(record: Any, scope: _Scope) -> str:
    return record.incident if record.incident in scope.file.incidents else ""


def _found_here(record: r.Found, scope: _Scope) -> str:
    return record.subject if record.incident in scope.file.incidents else _by("subject")(record, scope)


def _told_of(record: r.Release, scope: _Scope) -> str:
    return f"flow:{record.flow}" if record.flow in scope.flows else ""


def _asked(record: r.ReleaseRefused, scope: _Scope) -> str:
    return f"recipient:{record.recipient}" if record.recipient in scope.recipients else _by("recipient")(record, scope)


def _everywhere(record: Any, scope: _Scope) -> str:
    """A posture is the whole city's."""
    del record
    return f"file:{scope.file.id}"


def _own(record: r.FileNoted, scope: _Scope) -> str:
    return f"file:{record.file}" if record.file == scope.file.id else ""


def _file_said(one: r.FileNoted) -> str:
    to = f" {one.to}" if one.to else ""
    duty = f" ({one.facts['duty']})" if "duty" in one.facts else ""
    return f"{one.person} {one.step}{to}{duty}: {one.text}"


_KINDS: Mapping[type[r.Record], tuple[Touches, Callable[[Any], str]]] = {
    r.Found: (_found_here, lambda one: f"{one.severity} finding {one.phase}: {one.detector}, {one.what}"),
    r.Standing: (_by("device"), lambda one: f"{one.device} is {one.state} from now on, trust {one.trust:.2f}"),
    r.Marked: (_by("device"), lambda one: f"{one.rows} rows of {one.device} are {one.state}: {one.why}"),
    r.Retracted: (_by("device"), lambda one: f"what came of {one.device} was made again without it; to tell: {_list(one.tell)}"),
    r.CommandIssued: (_by("device", "sources"), lambda one: f"{one.service} told {one.device}: {one.command} {one.value:g}"),
    r.CommandOutcome: (_by("device"), lambda one: f"command to {one.device}: {one.outcome}"),
    r.CommandRefused: (_by("device"), lambda one: f"refused {one.service} to {one.device}: {one.command}, {one.reason}"),
    r.OverrideBegun: (_by("target"), lambda one: f"{one.person} {one.step} a hold of {one.target} at {one.value:g}"),
    r.Contained: (_by("target"), lambda one: f"containing {one.target}: {one.step}, by {one.person or 'itself'}"),
    r.DeviceLife: (_by("device"), lambda one: f"{one.device} {one.to}, by {one.person}"),
    r.RecipientLife: (_by("recipient"), lambda one: f"recipient {one.recipient} {one.to}, by {one.person}"),
    r.Erased: (_by("device", "dataset"), lambda one: f"{one.rows} rows of {one.dataset} were erased: {one.why}"),
    r.Postured: (_everywhere, lambda one: f"posture {one.posture}: {one.step}"),
    r.Release: (_told_of, lambda one: f"{one.rows} rows of {_list(one.datasets)} left to {one.recipient}"),
    r.ReleaseRefused: (_asked, lambda one: f"{one.recipient} was refused {one.dataset}: {_list(one.reasons)}"),
    r.ViewGranted: (_by("camera"), lambda one: f"{one.person} may look through {one.camera}: {one.purpose}"),
    r.ViewRefused: (_by("camera"), lambda one: f"{one.person} may not look through {one.camera}: {_list(one.reasons)}"),
    r.Acknowledged: (_of_incident, lambda one: f"{one.person}: {one.state}. {one.note}"),
    r.Assigned: (_of_incident, lambda one: f"{one.person} gave it to {one.to or 'nobody'}. {one.note}"),
    r.Snoozed: (_of_incident, lambda one: f"{one.person} {'put it off' if one.until else 'took it up again'}: {one.why}"),
    r.Alerted: (_of_incident, lambda one: f"alert by {one.channel}: {one.outcome}"),
    r.FileNoted: (_own, _file_said),
}  # fmt: skip
"""Record kind -> whether it touches a file, and what it says in one line."""


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "nobody"
