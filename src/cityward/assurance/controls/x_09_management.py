"""X-09: who runs the machinery is not who uses it, and the machinery stands apart."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example
from cityward.assurance.examples import NOW_US, changed
from cityward.assurance.results import Judged, Severity
from cityward.assurance.saying import stated, unknown, wrong
from cityward.place.roles import Right

MANAGES = frozenset({Right.PEOPLE, Right.DEVICES, Right.RECIPIENTS})
USES = frozenset({Right.OPERATE, Right.DATA, Right.VIEW})
MACHINERY = frozenset({"update-server", "directory"})


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each role that manages something, and each system that others take software or identities from."""
    place = dossier.place
    streets = {device.zone for device in place.devices.values() if device.zone}
    for name, role in place.roles.items():
        rights, subject = set(role.rights), f"roles.{name}"
        if not rights & MANAGES:
            continue
        both = ", ".join(sorted(right.value for right in rights & USES))
        if both:
            said = f"`{name}` runs the machinery and uses it, too: {both}"
            yield wrong(subject, said, "split the role: one that manages, one that uses", subject)
        else:
            yield stated(dossier, subject, f"`{name}` manages, and neither operates nor reads")
    for name, system in place.systems.items():
        subject = f"systems.{name}"
        if system.kind not in MACHINERY:
            continue
        if system.zone is None:
            yield unknown(
                subject, f"in which zone `{name}` stands is not said", f"declare systems.{name}.zone", subject
            )
        elif system.zone in streets:
            said = f"`{name}` stands in `{system.zone}`, among devices of the street"
            yield wrong(
                subject,
                said,
                "give it a zone of its own; take a supplier's software by a mirror there",
                subject,
                f"zones.{system.zone}",
            )
        else:
            yield stated(dossier, subject, f"`{name}` stands in `{system.zone}`, apart from the street", subject)


def _with_updates(zone: str) -> str:
    return changed(
        ("street: {trust: 1}", "street: {trust: 1}\n  backroom: {trust: 4}"),
        (
            "device_models:",
            f"  updates: {{kind: update-server, site: yard, operator: council, zone: {zone}}}\ndevice_models:",
        ),
    )


CONTROL = Control(
    id="X-09",
    title="The management plane stands apart from what it manages",
    severity=Severity.HIGH,
    supports={"NCSC": ("N6", "N11")},
    check=check,
    false_positives="One zone that is split inside by means that are not declared looks like one.",
    avoid=Example(_with_updates("street"), now_us=NOW_US),
    prefer=Example(_with_updates("backroom"), now_us=NOW_US),
    says="roles that manage, update servers and directories",
)
