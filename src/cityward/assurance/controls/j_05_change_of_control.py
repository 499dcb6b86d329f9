"""J-05: when somebody else comes to hold a supplier, what was agreed with it is decided again."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import structs

from cityward.assurance.control import Control, Dossier, Example, on_record
from cityward.assurance.examples import DIGEST, NOW_US, SHARING, released
from cityward.assurance.results import EvidenceClass, Judged, Result, Severity
from cityward.assurance.saying import stated, unknown
from cityward.assurance.trail import Entry
from cityward.evidence.records import Approval, ReleaseRefused
from cityward.place.loader import load
from cityward.policy.approvals import AS_DECLARED, control_digest
from cityward.reach.effective import Lands, lands_in, lands_of
from cityward.time import DAY, iso


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each agreement with somebody else: whether who has power over its parties was approved as it is."""
    place = dossier.place
    theirs = [n for n, one in place.agreements.items() if any(party != place.responsible for party in one.parties)]
    lands = lands_in(dossier.exposure, place) if theirs else {}
    approvals = dossier.trail.newest(Approval, lambda record: record.agreement)
    for name in theirs:
        approval = approvals.get(name)
        if approval is None:
            said = f"nobody approved `{name}` as it stands"
            yield unknown(f"agreements.{name}", said, "`cityward recipient approve` of every agreement")
        else:
            yield _judged(dossier, name, approval, lands)


def _judged(dossier: Dossier, name: str, approval: Entry[Approval], lands: Lands) -> Judged:
    subject, when = f"agreements.{name}", iso(approval.record.at)[:10]
    path = (subject, *(f"parties.{party}" for party in dossier.place.agreements[name].parties))
    since = [
        entry for entry in dossier.receipts if entry.record.agreement == name and entry.record.at >= approval.record.at
    ]
    if approval.record.control == control_digest(name, dossier.place, lands):
        if approval.record.person == AS_DECLARED:
            return stated(
                dossier, subject, f"`{name}` is as the city began with it on {when}; nobody looked at it since"
            )
        said = (
            f"{approval.record.person} approved who has power over the parties of `{name}` on {when}; it is as it was"
        )
        word = on_record(EvidenceClass.ATTESTED, approval, said)
        if since:
            gate = on_record(
                EvidenceClass.ENFORCED, since[-1], "data left since: the gate held it to what was approved"
            )
            return Judged(subject, Result.PROVEN, said, (word, gate), path)
        return Judged(subject, Result.STATED, said, (word,), path)
    if since:
        said = (
            f"who has power over the parties of `{name}` changed since {when}, and data left under it as it stands now"
        )
        ground = on_record(EvidenceClass.ENFORCED, since[-1], f"data left by `{since[-1].record.flow}`")
        mend = "look at what changed, then `cityward recipient approve`"
        return Judged(subject, Result.FAILED, said, (ground,), path, mend=mend)
    datasets = dossier.place.agreements[name].datasets
    held = [
        entry
        for entry in dossier.trail.of(ReleaseRefused)
        if "pending" in entry.record.reasons
        and entry.record.dataset in datasets
        and entry.record.at >= approval.record.at
    ]
    if held:
        said = (
            f"who has power over the parties of `{name}` changed since {when}; what was asked for since did not leave"
        )
        return Judged(subject, Result.PROVEN, said, (on_record(EvidenceClass.ENFORCED, held[-1], said),), path)
    said = f"who has power over the parties of `{name}` changed since it was approved on {when}; nothing left under it since"
    return Judged(subject, Result.UNKNOWN, said, (), path, "a new decision: `cityward recipient approve`")


def _approval(control: str) -> Approval:
    return Approval(at=NOW_US - DAY, by="release", agreement="share", person="ada", control=control, scope=DIGEST)


def _as_it_is() -> str:
    place = load("place.yaml", {"place.yaml": SHARING.encode()}.__getitem__).place
    return control_digest("share", place, lands_of(place))


CONTROL = Control(
    id="J-05",
    title="A new hand over a supplier makes what was agreed with it wait for a new decision",
    severity=Severity.HIGH,
    supports={"NCSC": ("N12", "N4"), "NIS2": ("21.2.d",)},
    check=check,
    false_positives="An owner who is declared nowhere changes nothing here.",
    avoid=Example(
        SHARING,
        (("release:1", _approval(DIGEST)), ("release:2", structs.replace(released("planner"), agreement="share"))),
        NOW_US,
    ),
    prefer=Example(SHARING, (("release:1", _approval(_as_it_is())),), NOW_US),
    says="agreements with others",
    proof_lasts_us=366 * DAY,
)
