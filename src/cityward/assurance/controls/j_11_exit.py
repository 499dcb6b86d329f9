"""J-11: the city can leave a supplier, and the off switch is its own."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example, Tries
from cityward.assurance.examples import NOW_US, changed, exercised
from cityward.assurance.results import Judged, Severity
from cityward.assurance.trying import tried

TRIES: Tries = {"S-20": ("key-refused", "stopped", "nothing-stored"), "S-22": ("cut-off", "shut-out", "never-dark")}
"""A supplier changes its owner, and is told to stop; one is shut out late."""


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each party other than the responsible one that runs a system or device of the city."""
    place = dossier.place
    run = {thing.operator for things in (place.systems, place.devices) for thing in things.values()}
    for party in sorted(name for name in run if name in place.parties and name != place.responsible):
        yield tried(dossier, f"parties.{party}", TRIES)


_RUN_FOR_US = changed(
    ("purposes:", "  firm: {kind: company, incorporated_in: xa}\npurposes:"),
    (
        "cityward: {kind: platform, site: yard, operator: council}",
        "cityward: {kind: platform, site: yard, operator: firm}",
    ),
)

CONTROL = Control(
    id="J-11",
    title="Each supplier can be left: data back, keys taken, its things switched off",
    severity=Severity.HIGH,
    supports={"NCSC": ("N12", "N13"), "NIS2": ("21.2.d",)},
    check=check,
    false_positives="What a supplier hands back on a twin is not what it would hand back in a quarrel.",
    avoid=Example(
        _RUN_FOR_US,
        (("exercise:1", exercised("S-20", ("street-light",), ("stopped",), subjects=("parties.firm",))),),
        NOW_US,
    ),
    prefer=Example(
        _RUN_FOR_US, (("exercise:1", exercised("S-20", (), subjects=("parties.firm",), met=TRIES["S-20"])),), NOW_US
    ),
    says="parties that run something of the city",
    tries=TRIES,
)
