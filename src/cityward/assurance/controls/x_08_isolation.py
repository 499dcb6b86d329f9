"""X-08: a part can be cut off in one act, and what is independent of it goes on."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example, Tries
from cityward.assurance.examples import NOW_US, TOWN, exercised
from cityward.assurance.results import Judged, Severity
from cityward.assurance.trying import tried

TRIES: Tries = {"S-22": ("cut-off", "shut-out", "others-go-on"), "S-07": ("share-told", "others-go-on")}
"""A supplier is shut out late, as a zone would be; a maker turns, and is cut off."""


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each zone that something of the city stands in, and each other party that runs something of it."""
    place = dossier.place
    used = {thing.zone for things in (place.devices, place.systems) for thing in things.values() if thing.zone}
    for zone in sorted(used):
        yield tried(dossier, f"zones.{zone}", TRIES)
    run = {thing.operator for things in (place.systems, place.devices) for thing in things.values()}
    for party in sorted(name for name in run if name in place.parties and name != place.responsible):
        yield tried(dossier, f"parties.{party}", TRIES)


CONTROL = Control(
    id="X-08",
    title="Each zone and supplier can be cut off in one act, and the rest goes on",
    severity=Severity.HIGH,
    supports={"NCSC": ("N9", "N14", "N6"), "IEC62443-3-3": ("SR 5.1",)},
    check=check,
    false_positives="An exercise counts for the zone or party that it cut off; what hangs together unseen falls together.",
    avoid=Example(
        TOWN,
        (
            (
                "exercise:1",
                exercised("S-22", ("street-light",), ("others-go-on",), subjects=("zones.street",)),
            ),
        ),
        NOW_US,
    ),
    prefer=Example(
        TOWN,
        (("exercise:1", exercised("S-22", ("street-light",), subjects=("zones.street",), met=TRIES["S-22"])),),
        NOW_US,
    ),
    says="zones in use, and parties that run something",
    tries=TRIES,
)
