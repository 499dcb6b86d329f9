"""I-06: when the centre is silent or in doubt, the street goes to its safe state by itself."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example
from cityward.assurance.examples import NOW_US, TOWN, exercised
from cityward.assurance.results import Judged, Severity
from cityward.assurance.trying import tried

SCENARIOS = ("S-12", "S-13")
"""The link is flooded; the office that hosts the service is lost: what is left is the street alone."""


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each service that has actuators."""
    for name, service in dossier.place.services.items():
        if service.actuators:
            yield tried(dossier, f"services.{name}", SCENARIOS)


CONTROL = Control(
    id="I-06",
    title="Every actuator reaches its declared safe state when the centre is silent",
    severity=Severity.CRITICAL,
    supports={"NCSC": ("N9",), "IEC62443-3-3": ("SR 3.6",)},
    check=check,
    false_positives="A twin's lamp is not the street's lamp: its firmware is tried only where it runs.",
    avoid=Example(TOWN, (("exercise:1", exercised("S-13", ("street-light",), ("lit-within-a-minute",))),), NOW_US),
    prefer=Example(TOWN, (("exercise:1", exercised("S-13", ("street-light",))),), NOW_US),
    says="services that command",
)
