"""The small town of the controls' examples: one sensor, one lamp, one way in. Each example changes what it is about."""

from __future__ import annotations

from msgspec import structs

from cityward.assurance.control import Dossier, Example
from cityward.assurance.trail import Trail
from cityward.evidence.records import (
    Admission,
    AnyRecord,
    Attested,
    CommandIssued,
    CommandRefused,
    Exercised,
    Found,
    Heartbeat,
    Release,
    ReleaseRefused,
)
from cityward.place.loader import load
from cityward.time import DAY, MINUTE

NOW_US = 1_800_000_000_000_000
DIGEST = "0" * 64
"""In an entry's `declaration` it stands for the digest of the example's own declaration: see `dossier_of`."""

TOWN = """\
place: smalltown
name: Smalltown
position: [2.3, 54.9]
responsible: council
platform: cityward
jurisdictions:
  xa: {code: XA, home: true}
parties:
  council: {kind: public-body, incorporated_in: xa}
purposes:
  planning: {}
sites:
  yard: {jurisdiction: xa}
zones:
  street: {trust: 1}
systems:
  cityward: {kind: platform, site: yard, operator: council}
device_models:
  counter: {maker: council, properties: {vehicle-count: {}}}
  lamp: {maker: council, properties: {lamp-level: {}}, commands: {dim: {sets: lamp-level, low: 10, high: 100, fail_safe: 100}}}
devices:
  counter-1: {model: counter, site: yard, zone: street, owner: council, operator: council}
  lamp-1: {model: lamp, site: yard, zone: street, owner: council, operator: council}
datasets:
  counts: {personal: false, sensitivity: public, retention_days: 30, properties: [vehicle-count]}
flows:
  counts-in:
    {from: counter-1, to: cityward, datasets: [counts], purpose: planning, protocol: mqtt, observability: enforced}
services:
  street-light: {kind: lighting, operator: council, actuators: [lamp-1]}
"""


def dossier_of(example: Example, without: frozenset[str] = frozenset()) -> Dossier:
    """An example as controls see it, without some of its entries.

    Raises:
        PlaceError: its declaration does not hold together.
    """
    loaded = load("place.yaml", {"place.yaml": example.declaration.encode()}.__getitem__)
    kept = ((entry, declared_now(record, loaded.digest)) for entry, record in example.entries if entry not in without)
    return Dossier(loaded, Trail(kept), example.now_us)


def declared_now(record: AnyRecord, digest: str) -> AnyRecord:
    """The record, of the declaration of this digest where it is of `DIGEST`."""
    return structs.replace(record, declaration=digest) if getattr(record, "declaration", "") == DIGEST else record


def changed(*changes: tuple[str, str]) -> str:
    """The town with each first text put for by the second.

    Raises:
        ValueError: a text to be changed is not there: the example would not be about what it says.
    """
    text = TOWN
    for old, new in changes:
        if old not in text:
            raise ValueError(f"`{old}` is not in the town")
        text = text.replace(old, new)
    return text


def admission(flow: str, admitted: int, refused: int = 0, reason: str = "", at: int = NOW_US) -> Admission:
    """A batch of one flow."""
    received = admitted + refused
    return Admission(
        at=at,
        by="worker-0",
        stream="in",
        partitions=(0,),
        first_seq=1,
        last_seq=received,
        received=received,
        admitted=admitted,
        shed=0,
        refused={reason: refused} if refused else {},
        by_flow={flow: (received, admitted, refused, 0)},
        by_reason={flow: {reason: refused}} if refused else {},
        digest=DIGEST,
        declaration=DIGEST,
    )


def exercised(
    scenario: str,
    services: tuple[str, ...],
    missed: tuple[str, ...] = (),
    at: int = NOW_US,
    subjects: tuple[str, ...] = (),
    met: tuple[str, ...] = ("contained",),
) -> Exercised:
    """An exercise that asked for something, and got what is `met`, or missed something."""
    return Exercised(
        at=at,
        by="exercise",
        scenario=scenario,
        seed=7,
        met=() if missed else met,
        missed=missed,
        score={},
        services=services,
        subjects=subjects,
        declaration=DIGEST,
        person="ada",
    )


def commanded(command_id: str, sources: tuple[str, ...], at: int = NOW_US) -> CommandIssued:
    """The lamp is told a level, on account of these devices."""
    return CommandIssued(
        at=at,
        by="service",
        command_id=command_id,
        service="street-light",
        device="lamp-1",
        command="dim",
        value=40,
        cause={},
        sources=sources,
    )


def found(detector: str, subject: str, phase: str = "began", at: int = NOW_US) -> Found:
    """A detector spoke."""
    return Found(
        at=at,
        by="watch",
        finding=f"{detector}-{subject}",
        detector=detector,
        what="",
        subject=subject,
        property="",
        severity="high",
        phase=phase,
        began_at=at,
        score=9.0,
        incident="i1",
        facts={},
    )


def refused_command(reason: str, at: int = NOW_US) -> CommandRefused:
    """The lamp was not told a level."""
    return CommandRefused(
        at=at, by="service", service="street-light", device="lamp-1", command="dim", value=40, reason=reason
    )


def beat(number: int, at: int = NOW_US, state: str = "alive", gate: str = "admit-0") -> Heartbeat:
    """A gate is alive."""
    return Heartbeat(at=at, by="worker-0", gate=gate, beat=number, decided={}, within=5 * MINUTE, state=state)


def attested(
    control: str, subject: str, said: str, until: int = NOW_US + DAY, word: str = "holds", at: int = NOW_US - DAY
) -> Attested:
    """What a person says of a subject of a control, until then. It is of the example's own declaration."""
    return Attested(
        at=at,
        by="web",
        control=control,
        subject=subject,
        person="ada",
        said=said,
        scope="",
        until=until,
        word=word,
        declaration=DIGEST,
    )


def released(recipient: str, at: int = NOW_US, flow: str = "counts-out") -> Release:
    """Rows left to a recipient."""
    return Release(
        at=at,
        by="release",
        recipient=recipient,
        party="council",
        flow=flow,
        agreement="",
        datasets=("counts",),
        purpose="planning",
        way="query",
        to="192.0.2.0/28",
        form={},
        since=0,
        until=at,
        rows=3,
        units=1,
        units_digest=DIGEST,
        digest=DIGEST,
        withheld={},
        rules=DIGEST,
        posture="",
        declaration=DIGEST,
    )


def refused_ask(reason: str, dataset: str = "counts", at: int = NOW_US) -> ReleaseRefused:
    """Somebody asked for a dataset, and was given nothing."""
    return ReleaseRefused(
        at=at,
        by="release",
        recipient="planner",
        dataset=dataset,
        purpose="planning",
        source="192.0.2.9",
        reasons=(reason,),
        count=1,
        rules=DIGEST,
    )


SHARING = changed(
    ("purposes:", "  office: {kind: public-body, incorporated_in: xa}\npurposes:"),
    (
        "services:",
        "  counts-out:\n    {from: cityward, to: office, datasets: [counts], purpose: planning, protocol: http, "
        "agreement: share, observability: enforced}\n"
        "agreements:\n  share: {kind: sharing, parties: [council, office], datasets: [counts], purposes: [planning], "
        "ends: 2030-01-01}\n"
        "recipients:\n  planner: {party: office, flows: [counts-out], by: query, addresses: [192.0.2.0/28], jurisdiction: xa}\n"
        "services:",
    ),
)
"""The town that gives its counts to an office."""
