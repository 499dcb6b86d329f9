"""The risk register: each threat with what the controls say of it, who bears it, and whether it was tried.

Pure: of an assessment and the dossier it was made of. The id of a threat is its flow and kind, so it stays the same from
day to day; it ends when the flow does.

INVARIANTS
- A threat is met only where everything that controls say of it is proven: unknown and stated are words of their own.
- A threat that no control speaks of is open until somebody bears it.
- An acceptance counts until its end, and while the flow is declared as it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cityward.assurance.assessing import Assessment
from cityward.assurance.concluding import in_force
from cityward.assurance.control import TRIED_LASTS_US, Dossier
from cityward.assurance.results import Judged, Result
from cityward.assurance.threats.boundaries import crossing_flows
from cityward.assurance.threats.kinds import SAID, SPEAKING, Kind
from cityward.assurance.trail import Entry
from cityward.evidence.records import RiskAccepted
from cityward.place.data import Flow
from cityward.place.model import Place

REGISTER = "K-09"
"""The control under which threats are accepted."""


class Standing(StrEnum):
    """What is known of a threat, the worst first."""

    OPEN = "open"
    NO_CONTROL = "no control"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    STATED = "stated"
    MET = "met by evidence"


@dataclass(frozen=True, slots=True)
class Threat:
    """One kind of threat to one flow. id: `flows.x.tampering`."""

    id: str
    flow: str
    kind: Kind
    crosses: tuple[str, ...]
    said: str


@dataclass(frozen=True, slots=True)
class Risk:
    """A threat as it stands. spoken: control, subject and result of each that speaks of it. accepted: the newest acceptance.

    stale: it was accepted, and the declaration is another one since. lapsed: it was, and that does not count any more.
    """

    threat: Threat
    standing: Standing
    spoken: tuple[tuple[str, str, Result], ...]
    drilled: tuple[str, ...]
    accepted: Entry[RiskAccepted] | None = None
    stale: bool = False
    lapsed: bool = False


@dataclass(frozen=True, slots=True)
class Register:
    """All of them, and the counts that the second principle asks for."""

    risks: tuple[Risk, ...]
    by_standing: Mapping[Standing, int]
    drilled: int
    stale: int


def threats_of(place: Place) -> Iterator[Threat]:
    """Every crossing flow by every kind, in the order of the declaration."""
    for name, crosses in crossing_flows(place).items():
        flow = place.flows[name]
        for kind in Kind:
            said = SAID[kind].format(flow=name, begin=flow.from_, end=flow.to)
            yield Threat(f"flows.{name}.{kind.value}", name, kind, crosses, said)


def register_of(found: Assessment, dossier: Dossier) -> Register:
    """The register of a city at a moment."""
    said = {(verdict.control, judged.subject): judged for verdict in found.verdicts for judged in verdict.subjects}
    accepted = dossier.trail.newest(RiskAccepted, lambda record: (record.control, record.subject))
    related = {name: _related(dossier.place, name, flow) for name, flow in dossier.place.flows.items()}
    risks = tuple(
        _risk(dossier, threat, _speaking(threat, related[threat.flow], said), accepted.get((REGISTER, threat.id)))
        for threat in threats_of(dossier.place)
    )
    counts = Counter(risk.standing for risk in risks)
    return Register(
        risks,
        {standing: counts[standing] for standing in Standing},
        sum(bool(risk.drilled) for risk in risks),
        sum(risk.stale for risk in risks),
    )


def _related(place: Place, name: str, flow: Flow) -> tuple[str, ...]:
    """The subjects that controls judge and that a flow is of: itself, its ends, what it carries, its agreement and receivers."""
    ends = [f"{kind}.{end}" for end in (flow.from_, flow.to) for kind in ("devices", "systems", "parties")]
    model = place.devices[flow.from_].model if flow.from_ in place.devices else ""
    more = [f"device_models.{model}", f"agreements.{flow.agreement}", *(f"datasets.{one}" for one in flow.datasets)]
    given = [f"recipients.{one}" for one, recipient in place.recipients.items() if name in recipient.flows]
    return (f"flows.{name}", *ends, *more, *given)


def _speaking(
    threat: Threat, related: Sequence[str], said: Mapping[tuple[str, str], Judged]
) -> tuple[tuple[str, str, Result], ...]:
    found = (said.get((control, subject)) for control in SPEAKING[threat.kind] for subject in related)
    keys = ((control, subject) for control in SPEAKING[threat.kind] for subject in related)
    return tuple(
        (control, subject, judged.result)
        for (control, subject), judged in zip(keys, found, strict=True)
        if judged is not None and judged.result is not Result.NOT_APPLICABLE
    )


def _risk(
    dossier: Dossier, threat: Threat, spoken: tuple[tuple[str, str, Result], ...], entry: Entry[RiskAccepted] | None
) -> Risk:
    counts = entry is not None and in_force(dossier, entry.record)
    stale = counts and entry is not None and entry.record.declaration not in ("", dossier.loaded.digest)
    ended = entry is not None and not counts
    return Risk(threat, _standing(spoken, counts), spoken, _drilled(dossier, threat), entry, stale, ended)


def _standing(spoken: Sequence[tuple[str, str, Result]], accepted: bool) -> Standing:
    results = {result for _, _, result in spoken}
    if accepted and results != {Result.PROVEN}:
        return Standing.ACCEPTED
    if Result.FAILED in results:
        return Standing.OPEN
    if not results:
        return Standing.NO_CONTROL
    if Result.UNKNOWN in results:
        return Standing.UNKNOWN
    if Result.ACCEPTED in results:
        return Standing.ACCEPTED
    return Standing.MET if results == {Result.PROVEN} else Standing.STATED


def _drilled(dossier: Dossier, threat: Threat) -> tuple[str, ...]:
    """Exercises within a year that attacked the flow, or what it comes from or goes to."""
    flow = dossier.place.flows[threat.flow]
    subjects = [
        f"flows.{threat.flow}",
        *(f"{kind}.{end}" for end in (flow.from_, flow.to) for kind in ("devices", "systems")),
    ]
    runs = (entry.record for subject in subjects for entry, _ in dossier.attacked.get(subject, ()))
    return tuple(sorted({run.scenario for run in runs if dossier.now_us - run.at <= TRIED_LASTS_US}))
