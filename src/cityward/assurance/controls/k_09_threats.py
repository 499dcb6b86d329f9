"""K-09: where data crosses a boundary, what may go wrong was looked at, of the declaration as it is now."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import structs

from cityward.assurance.control import Control, Dossier, Example
from cityward.assurance.examples import DIGEST, NOW_US, TOWN, attested
from cityward.assurance.results import Judged, Severity
from cityward.assurance.saying import unknown, wrong
from cityward.assurance.threats.boundaries import crossing_flows
from cityward.evidence.records import Attested
from cityward.time import iso


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each flow that crosses a boundary: whether its threats were signed off as it is declared."""
    newest = dossier.trail.newest(Attested, lambda record: (record.control, record.subject))
    signed = {subject: entry for (control, subject), entry in newest.items() if control == "K-09"}
    for name, crosses in crossing_flows(dossier.place).items():
        subject, path = f"flows.{name}", (f"flows.{name}", *crosses)
        entry = signed.get(subject) or signed.get("*")
        if entry is not None and entry.record.word == "holds" and not _of_now(dossier, subject, entry.record):
            said = (
                f"`{name}` or what it is among changed since its threats were signed off on {iso(entry.record.at)[:10]}"
            )
            yield wrong(subject, said, "look at them again (`cityward risk list`), then `cityward attest K-09`", *path)
        else:
            said = (
                f"`{name}` crosses {len(crosses)} boundaries ({'; '.join(crosses[:3])}); nobody signed its threats off"
            )
            yield unknown(
                subject, said, "a sign-off of the threats: `cityward risk list`, then `cityward attest K-09 '*'`", *path
            )


def _of_now(dossier: Dossier, subject: str, record: Attested) -> bool:
    """Whether it was said of what is declared now: of the flow, where it was of one flow; else of the whole."""
    if record.declared and record.subject == subject:
        return record.declared == dossier.digest_of(subject)
    return record.declaration == dossier.loaded.digest


_LOOKED = attested("K-09", "*", "gone through with the makers on 3 May")

CONTROL = Control(
    id="K-09",
    title="What may go wrong where data crosses a boundary was gone through, of the place as it is now",
    severity=Severity.MEDIUM,
    supports={"NCSC": ("N2",), "PB": ("STRIDE",), "IEC62443-3-2": ("ZCR 5",)},
    check=check,
    false_positives="Any change of the declaration asks for a new look, also one that changes no threat.",
    avoid=Example(TOWN, (("statements:1", structs.replace(_LOOKED, declaration="1" * len(DIGEST))),), NOW_US),
    prefer=Example(TOWN, (("statements:1", _LOOKED),), NOW_US),
    says="flows that cross a boundary",
    attestable=True,
)
