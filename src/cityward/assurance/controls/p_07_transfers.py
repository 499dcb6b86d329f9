"""P-07: what left is what the declaration says leaves."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example, on_record
from cityward.assurance.examples import NOW_US, SHARING, released
from cityward.assurance.results import EvidenceClass, Judged, Result, Severity
from cityward.assurance.saying import unknown


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each flow that a recipient is given, and for each that is on a receipt."""
    place = dossier.place
    left = {(entry.record.flow, entry.record.recipient): entry for entry in dossier.receipts}
    declared = {(flow, name) for name, recipient in place.recipients.items() for flow in recipient.flows}
    for flow, recipient in sorted(declared | left.keys()):
        subject, path = f"transfers.{flow}.{recipient}", (f"flows.{flow}", f"recipients.{recipient}")
        entry = left.get((flow, recipient))
        if entry is None:
            yield unknown(
                subject, f"nothing left to `{recipient}` by `{flow}` under this declaration yet", "a release", *path
            )
            continue
        said = f"{entry.record.rows} rows left to `{recipient}` by `{flow}`"
        ground = on_record(EvidenceClass.OBSERVED, entry, said)
        extra = set(entry.record.datasets) - set(place.flows[flow].datasets if flow in place.flows else ())
        if (flow, recipient) in declared and not extra:
            yield Judged(subject, Result.PROVEN, f"{said}, as declared", (ground,), path)
        else:
            yield Judged(
                subject, Result.FAILED, f"{said}, which is not declared", (ground,), path, mend="declare or end it"
            )


CONTROL = Control(
    id="P-07",
    title="The register of transfers is what really left",
    severity=Severity.HIGH,
    supports={"NCSC": ("N5", "N8"), "GDPR": ("30", "44")},
    check=check,
    false_positives="Receipts under an older declaration are not judged by this one: right after a change all is unknown.",
    avoid=Example(SHARING, (("release:1", released("stranger")),), NOW_US),
    prefer=Example(SHARING, (("release:1", released("planner")),), NOW_US),
    says="flows, by who was given them",
)
