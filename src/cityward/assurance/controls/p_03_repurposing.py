"""P-03: what was agreed for one use waits for a new yes before another."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import structs

from cityward.assurance.control import Control, Dossier, Example, on_record
from cityward.assurance.examples import DIGEST, NOW_US, SHARING, refused_ask, released
from cityward.assurance.results import EvidenceClass, Judged, Result, Severity
from cityward.assurance.saying import stated, unknown
from cityward.assurance.trail import Entry
from cityward.evidence.records import Approval, Release, ReleaseRefused
from cityward.policy.approvals import AS_DECLARED, scope_digest
from cityward.time import DAY, HOUR


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each agreement by which data leaves: whether what was approved is what it says now."""
    place, approvals = dossier.place, dossier.trail.newest(Approval, lambda record: record.agreement)
    given = {entry.record.agreement: entry for entry in dossier.receipts}
    pending = [entry for entry in dossier.trail.of(ReleaseRefused) if "pending" in entry.record.reasons]
    for name in sorted({flow.agreement for flow in place.flows.values() if flow.agreement is not None}):
        subject, approved, left = f"agreements.{name}", approvals.get(name), given.get(name)
        if approved is None:
            yield unknown(subject, f"nobody is on record who approved `{name}`", "an approval")
            continue
        if approved.record.scope == scope_digest(name, place):
            yield _as_approved(dossier, subject, approved, left)
            continue
        held = [one for one in pending if one.record.dataset in place.agreements[name].datasets]
        if left is not None and left.record.at > approved.record.at:
            said = f"`{name}` is not what was approved, and {left.record.rows} rows left by it"
            ground = on_record(EvidenceClass.OBSERVED, left, said)
            yield Judged(subject, Result.FAILED, said, (ground,), (subject,), mend="stop it, or have it approved anew")
        elif held:
            said = f"`{name}` is not what was approved, and what was asked for did not leave"
            yield Judged(subject, Result.PROVEN, said, (on_record(EvidenceClass.ENFORCED, held[-1], said),), (subject,))
        else:
            yield unknown(subject, f"`{name}` is not what was approved; nobody asked since", "a new approval")


def _as_approved(dossier: Dossier, subject: str, approved: Entry[Approval], left: Entry[Release] | None) -> Judged:
    """An approval is a word of somebody; the gate that let rows leave by it held them to it."""
    person = approved.record.person
    if left is not None and left.record.at >= approved.record.at:
        said = f"rows left by `{left.record.flow}` as they were approved: the gate holds each to it"
        return Judged(subject, Result.PROVEN, said, (on_record(EvidenceClass.ENFORCED, left, said),), (subject,))
    if person == AS_DECLARED:
        return stated(dossier, subject, f"`{subject}` is as the city began with it; nobody decided on it since")
    ground = on_record(EvidenceClass.ATTESTED, approved, f"{person} approved it as it stands")
    return Judged(subject, Result.STATED, f"{person} approved it as it stands", (ground,), (subject,))


_OLD = Approval(at=NOW_US - HOUR, by="people", agreement="share", person="ada", control=DIGEST, scope=DIGEST)

CONTROL = Control(
    id="P-03",
    title="A new use of data waits until it is approved",
    severity=Severity.HIGH,
    supports={"NCSC": ("N13", "N5", "N8"), "GDPR": ("5.1.b",)},
    check=check,
    proof_lasts_us=366 * DAY,
    false_positives="Only what left under the declaration that stands is judged; an older one is for an older report.",
    avoid=Example(
        SHARING, (("people:1", _OLD), ("release:1", structs.replace(released("planner"), agreement="share"))), NOW_US
    ),
    prefer=Example(SHARING, (("people:1", _OLD), ("release:1", refused_ask("pending"))), NOW_US),
    says="agreements by which data leaves",
)
