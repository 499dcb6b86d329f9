"""R-01: a flood starves nothing that people cannot do without."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example, Tries
from cityward.assurance.examples import NOW_US, changed, exercised
from cityward.assurance.results import Judged, Severity
from cityward.assurance.trying import tried

TRIES: Tries = {"S-12": ("shed", "still-heard", "still-obeys", "nobody-dark")}
"""A flood that sends controllers into a circle of restarts."""


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each service that an essential function rests on."""
    essential = {function.service for function in dossier.place.functions.values() if function.essential}
    for name in sorted(essential):
        yield tried(dossier, f"services.{name}", TRIES)


_ESSENTIAL = changed(("services:", "functions:\n  lit: {service: street-light, essential: true}\nservices:"))

CONTROL = Control(
    id="R-01",
    title="A flood by one device, supplier or zone starves no essential service",
    severity=Severity.HIGH,
    supports={"NCSC": ("N9",), "IEC62443-3-3": ("SR 7.1",)},
    check=check,
    false_positives="A flood that fills the city's line from outside is the carrier's to stop, and is not tried on a twin.",
    avoid=Example(_ESSENTIAL, (("exercise:1", exercised("S-12", ("street-light",), ("still-heard",))),), NOW_US),
    prefer=Example(_ESSENTIAL, (("exercise:1", exercised("S-12", ("street-light",), met=TRIES["S-12"])),), NOW_US),
    says="services behind essential functions",
    tries=TRIES,
)
