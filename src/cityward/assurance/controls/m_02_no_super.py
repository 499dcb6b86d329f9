"""M-02: nobody holds every camera or every actuator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cityward.assurance.control import Control, Dossier, Example, on_record
from cityward.assurance.examples import NOW_US, changed
from cityward.assurance.results import EvidenceClass, Judged, Result, Severity
from cityward.assurance.saying import stated, wrong
from cityward.assurance.trail import Entry
from cityward.evidence.records import Granted
from cityward.place.model import Place
from cityward.place.roles import Right, Role


@dataclass(frozen=True, slots=True)
class _Held:
    """What somebody can move or see. kinds: of the services that they operate."""

    kinds: frozenset[str]
    cameras: bool


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each role that moves or sees something, and each person who holds several of them at once."""
    place, all_ = dossier.place, _everything(dossier.place)
    if not all_:
        return
    for name, role in place.roles.items():
        held = _of(place, (role,))
        if not (held.kinds or held.cameras):
            continue
        subject = f"roles.{name}"
        if _super(held, all_) and not {Right.OPERATE, Right.VIEW} & set(role.two_person):
            said = f"`{name}` alone reaches {_words(held, all_)}"
            yield wrong(subject, said, "split the role by service, or let a second person agree", subject)
        else:
            yield stated(dossier, subject, f"`{name}` reaches a part, or needs a second person")
    yield from _people(dossier, all_)


def _people(dossier: Dossier, all_: frozenset[str]) -> Iterable[Judged]:
    for person, entries in _grants(dossier).items():
        held = _of(dossier.place, [dossier.place.roles[entry.record.role] for entry in entries])
        if len(entries) > 1 and _super(held, all_):
            said = f"{len(entries)} roles of `{person}` together reach {_words(held, all_)}"
            ground = on_record(EvidenceClass.OBSERVED, entries[-1], said)
            path = tuple(f"roles.{entry.record.role}" for entry in entries)
            mend = f"cityward grant take: one of the roles of {person}"
            yield Judged(f"persons.{person}", Result.FAILED, said, (ground,), path, mend=mend)


def _grants(dossier: Dossier) -> Mapping[str, list[Entry[Granted]]]:
    """Person -> the grants in force of roles that are declared without a second person, oldest first."""
    found: dict[str, list[Entry[Granted]]] = {}
    for entry in dossier.trail.newest(Granted, lambda record: record.grant).values():
        record, role = entry.record, dossier.place.roles.get(entry.record.role)
        ends = record.until and record.until <= dossier.now_us
        if record.step in {"given", "glass-broken"} and not ends and role is not None and not role.two_person:
            found.setdefault(record.person, []).append(entry)
    return found


def _everything(place: Place) -> frozenset[str]:
    """The kinds of the services that command something."""
    return frozenset(service.kind for service in place.services.values() if service.actuators)


def _of(place: Place, roles: Sequence[Role]) -> _Held:
    kinds = {
        place.services[name].kind
        for role in roles
        if Right.OPERATE in role.rights
        for name in role.services
        if name in place.services and place.services[name].actuators
    }
    seen = {dataset for role in roles if Right.VIEW in role.rights for dataset in role.datasets}
    shown = {camera.dataset for camera in place.cameras.values() if camera.viewing is not None}
    return _Held(frozenset(kinds), bool(shown) and shown <= seen)


def _super(held: _Held, all_: frozenset[str]) -> bool:
    moves_all = len(all_) > 1 and held.kinds >= all_
    return moves_all or (held.cameras and bool(held.kinds))


def _words(held: _Held, all_: frozenset[str]) -> str:
    moved = "every kind of actuator" if held.kinds >= all_ else f"what moves {', '.join(sorted(held.kinds))}"
    return f"{moved} and every camera" if held.cameras else moved


_TWO_SERVICES = changed(
    (
        "services:\n",
        "roles:\n  chief: {party: council, rights: [operate], services: [street-light, crossing]}\n"
        "services:\n  crossing: {kind: signals, operator: council, actuators: [lamp-1]}\n",
    )
)

CONTROL = Control(
    id="M-02",
    title="No single identity reaches every camera or every actuator",
    severity=Severity.CRITICAL,
    supports={"NCSC": ("N11", "N6")},
    check=check,
    false_positives="A city with one service has nothing to split: it is not judged. Who has the machine itself holds all.",
    avoid=Example(_TWO_SERVICES, now_us=NOW_US),
    prefer=Example(_TWO_SERVICES.replace("services: [street-light, crossing]", "services: [crossing]"), now_us=NOW_US),
    says="roles that move or see something, and people with several of them",
)
