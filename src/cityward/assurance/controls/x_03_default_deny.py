"""X-03: what no rule lets through does not pass, in either direction."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example, on_record
from cityward.assurance.examples import NOW_US, TOWN, admission, refused_ask, released
from cityward.assurance.refusing import asks_refused
from cityward.assurance.results import EvidenceClass, Judged, Result, Severity
from cityward.assurance.saying import unknown
from cityward.guard.admit import UNDECLARED

NO_RULE = frozenset({"undeclared", "unknown-recipient"})


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for the way in, one for the way out."""
    if dossier.place.flows:
        yield _inward(dossier)
        yield _outward(dossier)


def _inward(dossier: Dossier) -> Judged:
    subject, strange = "ways.in", dossier.trail.flows.get(UNDECLARED)
    if strange is not None and strange.admitted:
        said = f"{strange.admitted} rows came in by no declared flow"
        ground = on_record(EvidenceClass.OBSERVED, strange.entry, said, strange.at)
        return Judged(subject, Result.FAILED, said, (ground,), (subject,), mend="shut the sender out")
    if strange is not None and strange.refused_entry:
        said = f"{strange.refused} rows that no rule lets in were refused"
        ground = on_record(EvidenceClass.ENFORCED, strange.refused_entry, said, strange.refused_at)
        return Judged(subject, Result.PROVEN, said, (ground,), (subject,))
    return unknown(
        subject, "nothing undeclared was tried on the way in", "something undeclared that is sent, as a trial"
    )


def _outward(dossier: Dossier) -> Judged:
    subject = "ways.out"
    for flow, entry in {entry.record.flow: entry for entry in dossier.receipts}.items():
        if flow not in dossier.place.flows:
            said = f"{entry.record.rows} rows left by `{flow}`, which is not declared"
            ground = on_record(EvidenceClass.OBSERVED, entry, said)
            return Judged(
                subject, Result.FAILED, said, (ground,), (subject, f"flows.{flow}"), mend="end what is left of it"
            )
    if grounds := asks_refused(dossier, NO_RULE):
        return Judged(subject, Result.PROVEN, "who asked without a rule was given nothing", grounds, (subject,))
    return unknown(subject, "nobody asked for what no rule gives", "an undeclared recipient that asks, as a trial")


CONTROL = Control(
    id="X-03",
    title="What no rule lets through passes neither in nor out",
    severity=Severity.CRITICAL,
    supports={"NCSC": ("N7", "N6"), "IEC62443-3-3": ("SR 5.2",)},
    check=check,
    false_positives="What left by a flow under an older declaration is not judged by this one.",
    avoid=Example(TOWN, (("release:1", released("planner", flow="by-hand")),), NOW_US),
    prefer=Example(
        TOWN,
        (
            ("worker-0:1", admission(UNDECLARED, 0, 7, "unknown-device")),
            ("release:1", refused_ask("undeclared")),
        ),
        NOW_US,
    ),
    says="the way in and the way out",
)
