"""X-08: a part can be cut off in one act, and what is independent of it goes on."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example
from cityward.assurance.examples import NOW_US, TOWN, exercised
from cityward.assurance.results import Judged, Severity
from cityward.assurance.trying import tried

SCENARIOS = ("S-12", "S-13", "S-14")
"""The link is flooded; an office is lost; a quarter of the hosts is: each time one part is cut off."""


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each zone that something of the city stands in."""
    place = dossier.place
    used = {thing.zone for things in (place.devices, place.systems) for thing in things.values() if thing.zone}
    for zone in sorted(used):
        yield tried(dossier, f"zones.{zone}", SCENARIOS)


CONTROL = Control(
    id="X-08",
    title="Each zone can be cut off in one act, and the rest goes on",
    severity=Severity.HIGH,
    supports={"NCSC": ("N9", "N14", "N6"), "IEC62443-3-3": ("SR 5.1",), "CAF": ("D1.a",)},
    check=check,
    false_positives="One exercise counts for all zones: an exercise does not yet say which zone it cut.",
    avoid=Example(
        TOWN, (("exercise:1", exercised("S-13", ("street-light",), ("independent-services-held",))),), NOW_US
    ),
    prefer=Example(TOWN, (("exercise:1", exercised("S-13", ("street-light",))),), NOW_US),
    says="zones in use",
)
