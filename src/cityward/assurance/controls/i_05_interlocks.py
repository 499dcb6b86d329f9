"""I-05: what forbids an unsafe state stands between every proposal and the street, and the street keeps its own."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example, Tries, on_record
from cityward.assurance.examples import NOW_US, changed, exercised, refused_command
from cityward.assurance.results import EvidenceClass, Judged, Result, Severity
from cityward.assurance.saying import wrong
from cityward.assurance.trying import tried
from cityward.evidence.records import CommandRefused
from cityward.place.model import Place
from cityward.place.services import Service

UNSAFE = frozenset({"interlocked", "too-soon", "not-a-stage", "junction-unseen", "out-of-bounds"})
TRIES: Tries = {
    "S-03": ("writes-refused", "plans-refused", "in-bounds"),
    "S-11": ("hundredfold-refused", "never-out-of-bounds"),
}
"""Signal controllers taken over; a dangerous value set from afar."""


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each service that commands signals, or that declares interlocks."""
    place = dossier.place
    refused = {
        entry.record.service: entry for entry in dossier.trail.of(CommandRefused) if entry.record.reason in UNSAFE
    }
    for name, service in place.services.items():
        if not service.actuators or not (service.interlocks or service.kind == "signals"):
            continue
        subject = f"services.{name}"
        bare = _bare(place, service)
        by_trial, entry = tried(dossier, subject, TRIES), refused.get(name)
        if bare:
            said = f"of {', '.join(f'`{one}`' for one in bare)} no junction says what may never be green together"
            yield wrong(
                subject, said, "declare the junction of every signal controller", *(f"devices.{one}" for one in bare)
            )
        elif by_trial.result is Result.UNKNOWN and entry is not None:
            said = f"an unsafe proposal of `{name}` was refused before it was sent: {entry.record.reason}"
            ground = on_record(EvidenceClass.ENFORCED, entry, said)
            yield Judged(subject, Result.PROVEN, said, (ground,), (subject, f"devices.{entry.record.device}"))
        else:
            yield by_trial


def _bare(place: Place, service: Service) -> list[str]:
    """Signal actuators of which no junction is declared; of a group one is enough to speak for it."""
    if service.kind != "signals":
        return []
    known = [junction.device for junction in place.junctions.values()]
    return [one for one in service.actuators if not any(unit == one or unit.startswith(f"{one}-") for unit in known)]


_LOCKED = changed(
    (
        "actuators: [lamp-1]}",
        "actuators: [lamp-1], interlocks: [{unless: {device: counter-1, property: vehicle-count, above: 5}}]}",
    )
)

CONTROL = Control(
    id="I-05",
    title="An unsafe state is refused before it is sent, and the street's own interlock stays final",
    severity=Severity.CRITICAL,
    supports={"NCSC": ("N9", "N6"), "IEC62443-3-3": ("SR 3.6",)},
    check=check,
    false_positives="The monitor inside a controller is the maker's: it is tried at the controller, not here.",
    avoid=Example(_LOCKED, (("exercise:1", exercised("S-03", ("street-light",), ("plans-refused",))),), NOW_US),
    prefer=Example(_LOCKED, (("service:1", refused_command("interlocked")),), NOW_US),
    says="services that command signals, or that declare interlocks",
    tries=TRIES,
)
