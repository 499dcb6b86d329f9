"""P-02: nothing is given without a purpose that was agreed."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example, on_record
from cityward.assurance.examples import NOW_US, SHARING, refused_ask, released
from cityward.assurance.refusing import asks_refused
from cityward.assurance.results import EvidenceClass, Judged, Result, Severity
from cityward.assurance.saying import unknown

NOT_FOR_THIS = frozenset({"undeclared", "not-agreed", "wrong-purpose"})


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each recipient: for what it was given something; and one for who asked for something else."""
    place = dossier.place
    given = {entry.record.recipient: entry for entry in dossier.receipts}
    for name in place.recipients:
        subject, entry = f"recipients.{name}", given.get(name)
        if entry is None:
            yield unknown(subject, f"`{name}` was given nothing under this declaration yet", "a release")
            continue
        record, flow = entry.record, place.flows.get(entry.record.flow)
        path = (subject, f"flows.{record.flow}")
        said = f"`{name}` was given {record.rows} rows for `{record.purpose}`"
        ground = on_record(EvidenceClass.ENFORCED, entry, said)
        if flow is not None and flow.purpose == record.purpose:
            yield Judged(subject, Result.PROVEN, said, (ground,), path)
        else:
            said = f"{said}, which its flow does not serve"
            yield Judged(subject, Result.FAILED, said, (ground,), path, mend="agree on the purpose, or end the flow")
    if grounds := asks_refused(dossier, NOT_FOR_THIS):
        yield Judged("purposes.other", Result.PROVEN, "who asked for another purpose was given nothing", grounds)


CONTROL = Control(
    id="P-02",
    title="Data is given for the purpose that was agreed, and for no other",
    severity=Severity.HIGH,
    supports={"NCSC": ("N8", "N5"), "GDPR": ("5.1.b",)},
    check=check,
    false_positives="What a recipient does with data after it has it is not seen here.",
    avoid=Example(
        SHARING.replace("planning: {}", "planning: {}\n  research: {}")
        .replace(
            "datasets: [counts], purpose: planning, protocol: http",
            "datasets: [counts], purpose: research, protocol: http",
        )
        .replace("purposes: [planning]", "purposes: [planning, research]"),
        (("release:1", released("planner")),),
        NOW_US,
    ),
    prefer=Example(SHARING, (("release:1", released("planner")), ("release:2", refused_ask("not-agreed"))), NOW_US),
    says="recipients",
)
