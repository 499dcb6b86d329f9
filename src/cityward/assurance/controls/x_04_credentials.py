"""X-04: no password that somebody could guess opens anything."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example, Tries
from cityward.assurance.examples import NOW_US, TOWN, exercised
from cityward.assurance.results import Judged, Severity
from cityward.assurance.trying import tried

TRIES: Tries = {"S-21": ("guess-refused",), "S-03": ("logins-refused",)}
"""A button on the street with the maker's own password; the login of a controller."""


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each device model that is in use: keys are shared by make, if they are."""
    for model in sorted({device.model for device in dossier.place.devices.values()}):
        yield tried(dossier, f"device_models.{model}", TRIES)


CONTROL = Control(
    id="X-04",
    title="No default, shared or weak credential opens anything",
    severity=Severity.CRITICAL,
    supports={"NCSC": ("N7", "N11"), "EN303645": ("5.1",)},
    check=check,
    false_positives="A twin's panel has the city's settings not its history: one set by hand in a cabinet is not tried.",
    avoid=Example(
        TOWN,
        (("exercise:1", exercised("S-21", ("street-light",), ("guess-refused",), subjects=("devices.lamp-1",))),),
        NOW_US,
    ),
    prefer=Example(
        TOWN,
        (("exercise:1", exercised("S-21", (), subjects=("devices.lamp-1", "devices.counter-1"), met=TRIES["S-21"])),),
        NOW_US,
    ),
    says="device models in use",
    tries=TRIES,
)
