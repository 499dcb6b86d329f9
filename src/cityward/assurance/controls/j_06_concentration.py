"""J-06: no supplier, group or foreign country holds more than half of what people cannot do without."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example
from cityward.assurance.examples import NOW_US, changed
from cityward.assurance.results import Judged, Severity
from cityward.assurance.saying import stated, unknown, wrong
from cityward.assurance.suppliers.concentration import concentration

MOST_SHARE = 0.5
"""PRECEDENT: what is left must be able to carry on; a city says otherwise by bearing the risk, on record."""


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each party and foreign country that critical services rest on."""
    found = concentration(dossier.place)
    for subject, services in found.on.items():
        named, path = (
            ", ".join(f"`{one}`" for one in sorted(services)),
            (subject, *map("services.{}".format, sorted(services))),
        )
        said = (
            f"{len(services)} of {len(found.critical)} critical services rest on `{subject.partition('.')[2]}`: {named}"
        )
        if len(services) > 1 and len(services) > MOST_SHARE * len(found.critical):
            yield wrong(
                subject, said, "have another supplier for one of them, or bear the risk: `cityward risk accept`", *path
            )
        else:
            yield stated(dossier, subject, said, *path)
    for service in found.unsettled:
        said = f"of something that `{service}` rests on it is not known who makes, runs or owns it"
        yield unknown(f"services.{service}", said, "makers, operators and owners of what critical services need")


def _two(second_maker: str) -> str:
    return changed(
        ("purposes:", "  firm: {kind: company, incorporated_in: xa}\npurposes:"),
        ("  lamp: {maker: council,", "  lamp: {maker: firm,"),
        (
            "devices:\n",
            f"  sign: {{maker: {second_maker}, properties: {{lamp-level: {{}}}}, "
            "commands: {dim: {sets: lamp-level, low: 10, high: 100, fail_safe: 100}}}\ndevices:\n"
            "  sign-1: {model: sign, site: yard, zone: street, owner: council, operator: council}\n",
        ),
        (
            "services:\n",
            "functions:\n  lit: {service: street-light, essential: true}\n  told: {service: signs, essential: true}\n"
            "services:\n  signs: {kind: lighting, operator: council, actuators: [sign-1]}\n",
        ),
    )


CONTROL = Control(
    id="J-06",
    title="No supplier, group or foreign country holds more than half of the critical services",
    severity=Severity.HIGH,
    supports={"NCSC": ("N9", "N12"), "NSM": ("concentration",)},
    check=check,
    false_positives="Counted are services, not lamps; a stake of less than half counts as none.",
    avoid=Example(_two("firm"), now_us=NOW_US),
    prefer=Example(_two("council"), now_us=NOW_US),
    says="parties and countries that critical services rest on",
)
