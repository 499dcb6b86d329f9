"""M-03: who was shut out is out."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example, on_record
from cityward.assurance.examples import NOW_US, TOWN, released
from cityward.assurance.results import EvidenceClass, Judged, Result, Severity
from cityward.assurance.saying import unknown
from cityward.evidence.records import RecipientLife, Release, ReleaseRefused
from cityward.time import DAY, HOUR, iso

OUT = frozenset({"revoked", "expired"})


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each recipient whose life here ended: whether anything left to it since."""
    ended = {
        name: entry
        for name, entry in dossier.trail.newest(RecipientLife, lambda record: record.recipient).items()
        if entry.record.to in OUT
    }
    given = dossier.trail.newest(Release, lambda record: record.recipient)
    refused = dossier.trail.newest(ReleaseRefused, lambda record: record.recipient)
    for name, entry in ended.items():
        subject, last = f"recipients.{name}", given.get(name)
        if last is not None and last.record.at > entry.record.at:
            said = f"`{name}` was {entry.record.to}, and was given {last.record.rows} rows after it"
            ground = on_record(EvidenceClass.OBSERVED, last, said)
            path = (f"flows.{last.record.flow}", subject)
            yield Judged(subject, Result.FAILED, said, (ground,), path, mend=f"stop the flow `{last.record.flow}`")
            continue
        if not dossier.trail.whole_since(Release, entry.record.at):
            said = f"`{name}` was {entry.record.to} on {iso(entry.record.at)[:10]}: more receipts followed than are kept here"
            yield unknown(subject, said, f"its receipts, read from the log itself: cityward trace recipient {name}")
            continue
        said = f"`{name}` was {entry.record.to}, and nothing left to it since"
        grounds = [on_record(EvidenceClass.ENFORCED, entry, said)]
        if name in refused and refused[name].record.at > entry.record.at:
            grounds.append(on_record(EvidenceClass.ENFORCED, refused[name], "it asked again, and was refused"))
        yield Judged(subject, Result.PROVEN, said, tuple(grounds), (subject,))
    if not ended and dossier.place.recipients:
        said = "no recipient was ever revoked here"
        yield Judged("place", Result.UNKNOWN, said, missing="a revocation, or an exercise that tries one")


def _revoked(at: int) -> RecipientLife:
    return RecipientLife(at=at, by="people", recipient="planner", to="revoked", person="ada", detail={})


CONTROL = Control(
    id="M-03",
    title="Whose agreement or key ended is given nothing more",
    severity=Severity.HIGH,
    supports={"NCSC": ("N11", "N13")},
    check=check,
    proof_lasts_us=366 * DAY,
    false_positives="Rows that were on their way when the key was taken have a receipt from before: they do not count.",
    avoid=Example(TOWN, (("people:1", _revoked(NOW_US - HOUR)), ("release:1", released("planner"))), NOW_US),
    prefer=Example(
        TOWN, (("release:0", released("planner", NOW_US - 2 * HOUR)), ("people:1", _revoked(NOW_US - HOUR))), NOW_US
    ),
    says="recipients that were revoked or expired",
)
