"""R-08: what citizens cannot do without was tried within the year."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example, Tries
from cityward.assurance.examples import NOW_US, changed, exercised
from cityward.assurance.results import Judged, Severity
from cityward.assurance.trying import tried

TRIES: Tries = {f"S-{n:02d}": ("*",) for n in range(1, 26)}


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each service that an essential function rests on."""
    essential = {function.service for function in dossier.place.functions.values() if function.essential}
    for name in sorted(essential):
        yield tried(dossier, f"services.{name}", TRIES)


_ESSENTIAL = changed(("services:", "functions:\n  lit: {service: street-light, essential: true}\nservices:"))

CONTROL = Control(
    id="R-08",
    title="Every essential service was exercised within twelve months, and held",
    severity=Severity.HIGH,
    supports={"NCSC": ("N14", "N2"), "CAF": ("D1.c",)},
    check=check,
    false_positives="The newest exercise decides: one that was missed last month is not made good by others before it.",
    avoid=Example(_ESSENTIAL, (("exercise:1", exercised("S-12", ("street-light",), ("detected",))),), NOW_US),
    prefer=Example(_ESSENTIAL, (("exercise:1", exercised("S-12", ("street-light",))),), NOW_US),
    says="services behind essential functions",
    tries=TRIES,
)
