"""R-03: what was lost was once brought back, as a trial."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example
from cityward.assurance.examples import NOW_US, TOWN, attested, exercised
from cityward.assurance.results import Judged, Severity
from cityward.assurance.trying import tried

SCENARIOS = ("S-14", "S-15")
"""A quarter of the machines is lost; recorders are wiped."""


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for the platform, and each critical system or store."""
    place = dossier.place
    for name, system in place.systems.items():
        if name == place.platform or system.critical or system.kind == "storage":
            yield tried(dossier, f"systems.{name}", SCENARIOS)


CONTROL = Control(
    id="R-03",
    title="Bringing back from a clean copy, with declaration and keys, was tried",
    severity=Severity.HIGH,
    supports={"NCSC": ("N14", "N9"), "IEC62443-3-3": ("SR 7.4",)},
    check=check,
    false_positives="No exercise overwrites a disk yet: until then a person's statement of a restore is the most there is.",
    avoid=Example(
        TOWN, (("exercise:1", exercised("S-14", (), ("restored",), subjects=("systems.cityward",))),), NOW_US
    ),
    prefer=Example(TOWN, (("web:1", attested("R-03", "systems.cityward", "restored on 3 May, hashes equal")),), NOW_US),
    says="the platform, critical systems and stores",
    attestable=True,
)
