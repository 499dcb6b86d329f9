"""J-10: a maker moves nothing of the city's from afar, unless somebody lets it."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example, Tries
from cityward.assurance.examples import NOW_US, TOWN, exercised
from cityward.assurance.results import Judged, Severity
from cityward.assurance.trying import tried

TRIES: Tries = {
    "S-07": ("stop-waits", "bounds", "never-held", "never-stopped"),
    "S-04": ("nothing-standing", "nothing-else", "never-shown"),
}
"""A maker sends a stop to a whole fleet; the identity of its maintenance is used."""


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each device model in use that takes commands or updates."""
    place = dossier.place
    used = {device.model for device in place.devices.values()}
    for name, model in place.device_models.items():
        if name in used and (model.commands or model.updates_from is not None):
            yield tried(dossier, f"device_models.{name}", TRIES)


CONTROL = Control(
    id="J-10",
    title="No maker commands or changes a thing on the street without leave",
    severity=Severity.CRITICAL,
    supports={"NCSC": ("N11", "N4"), "IEC62443-3-3": ("SR 1.13", "SR 2.1")},
    check=check,
    false_positives="A way in that the maker did not tell of is no part of the twin: see J-09.",
    avoid=Example(
        TOWN,
        (("exercise:1", exercised("S-07", ("street-light",), ("never-held",), subjects=("devices.lamp-1",))),),
        NOW_US,
    ),
    prefer=Example(
        TOWN,
        (("exercise:1", exercised("S-07", (), subjects=("devices.lamp-1",), met=TRIES["S-07"])),),
        NOW_US,
    ),
    says="device models that take commands or updates",
    tries=TRIES,
)
