"""R-03: what was lost was once brought back, as a trial."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example
from cityward.assurance.examples import NOW_US, TOWN, attested
from cityward.assurance.results import Judged, Severity
from cityward.assurance.saying import unknown

MISSING = "a statement that it was brought back from a copy, as a trial: `cityward attest`"


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for the platform, and each critical system or store. No exercise brings one back: people say it."""
    place = dossier.place
    for name, system in place.systems.items():
        if name == place.platform or system.critical or system.kind == "storage":
            yield unknown(
                f"systems.{name}", f"that `{name}` was ever brought back from a copy is not on record", MISSING
            )


CONTROL = Control(
    id="R-03",
    title="Bringing back from a clean copy, with declaration and keys, was tried",
    severity=Severity.HIGH,
    supports={"NCSC": ("N14", "N9"), "IEC62443-3-3": ("SR 7.4",)},
    check=check,
    false_positives="No exercise overwrites a disk yet: until then a person's statement of a restore is the most there is.",
    avoid=Example(
        TOWN,
        (("web:1", attested("R-03", "systems.cityward", "the copy could not be read", word="does-not-hold")),),
        NOW_US,
    ),
    prefer=Example(TOWN, (("web:1", attested("R-03", "systems.cityward", "restored on 3 May, hashes equal")),), NOW_US),
    says="the platform, critical systems and stores",
    attestable=True,
)
