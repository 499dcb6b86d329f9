"""I-06: when the centre is silent or in doubt, the street goes to its safe state by itself."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example, Tries
from cityward.assurance.examples import NOW_US, TOWN, exercised
from cityward.assurance.results import Judged, Severity
from cityward.assurance.trying import tried

TRIES: Tries = {"S-18": ("safe-again",)}
"""What the service goes by is taken from it, one by one: with too little left to believe, the street goes to its safe state."""


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each service that has actuators."""
    for name, service in dossier.place.services.items():
        if service.actuators:
            yield tried(dossier, f"services.{name}", TRIES)


CONTROL = Control(
    id="I-06",
    title="Every actuator reaches its declared safe state when the centre is silent, or in doubt",
    severity=Severity.CRITICAL,
    supports={"NCSC": ("N9",), "IEC62443-3-3": ("SR 3.6",)},
    check=check,
    false_positives="A twin's lamp is not the street's lamp: its firmware is tried only where it runs.",
    avoid=Example(TOWN, (("exercise:1", exercised("S-18", ("street-light",), ("safe-again",))),), NOW_US),
    prefer=Example(TOWN, (("exercise:1", exercised("S-18", ("street-light",), met=TRIES["S-18"])),), NOW_US),
    says="services that command",
    tries=TRIES,
)
