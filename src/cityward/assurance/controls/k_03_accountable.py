"""K-03: somebody answers for everything, and nobody watches over themselves."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example
from cityward.assurance.examples import NOW_US, TOWN, changed
from cityward.assurance.results import Judged, Result, Severity
from cityward.place.record import UNKNOWN


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each system, device and service: the party that answers for it, as declared."""
    place = dossier.place
    for kind, records, field in (
        ("systems", place.systems, "operator"),
        ("devices", place.devices, "owner"),
        ("services", place.services, "operator"),
    ):
        for name, record in records.items():
            party = getattr(record, field)
            where = f"{kind}.{name}"
            if party == UNKNOWN:
                said = f"nobody is known to answer for `{name}`"
                yield Judged(where, Result.FAILED, said, path=(where,), mend=f"name its {field}")
            else:
                ground = dossier.declared(where, f"{field}: {party}")
                yield Judged(where, Result.STATED, f"`{party}` answers for `{name}`", (ground,), path=(where,))


CONTROL = Control(
    id="K-03",
    title="Every system, device and service has somebody who answers for it",
    severity=Severity.MEDIUM,
    supports={"NCSC": ("N3",), "CAF": ("A3.a",)},
    check=check,
    false_positives="A thing that two parties run together names one of them: the other is not seen here.",
    avoid=Example(
        changed(
            (
                "counter-1: {model: counter, site: yard, zone: street, owner: council",
                "counter-1: {model: counter, site: yard, zone: street, owner: unknown",
            )
        )
    ),
    prefer=Example(TOWN, now_us=NOW_US),
    says="systems, devices and services",
)
