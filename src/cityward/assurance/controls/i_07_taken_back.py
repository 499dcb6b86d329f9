"""I-07: what a lie touched is found, and made again without it."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import structs

from cityward.assurance.control import Control, Dossier, Example, on_record
from cityward.assurance.examples import DIGEST, NOW_US, TOWN
from cityward.assurance.results import EvidenceClass, Judged, Result, Severity
from cityward.assurance.saying import unknown
from cityward.assurance.trail import Entry
from cityward.evidence.records import Marked, Retracted
from cityward.time import DAY

WAITS_US = 7 * DAY
"""PRECEDENT: a week: until then somebody must have said of what is suspect whether it stands."""


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each device whose observations were marked: whether that was settled, and what was made again."""
    marks = dossier.trail.newest(Marked, lambda record: record.mark)
    taken = dossier.trail.newest(Retracted, lambda record: record.device)
    by_device: dict[str, list[Entry[Marked]]] = {}
    for entry in marks.values():
        by_device.setdefault(entry.record.device, []).append(entry)
    for device, entries in by_device.items():
        yield _of_device(dossier, device, entries, taken.get(device))
    if not by_device and dossier.place.devices:
        said = "nothing was ever marked as suspect here: whether a lie could be taken back was not seen"
        yield unknown("place", said, "something that is marked and taken back: `cityward taint`")


def _of_device(dossier: Dossier, device: str, marks: list[Entry[Marked]], taken: Entry[Retracted] | None) -> Judged:
    subject = f"devices.{device}"
    open_ = [entry for entry in marks if entry.record.state == "suspect"]
    oldest = min(open_, key=lambda entry: entry.record.at, default=None)
    if oldest is not None and dossier.now_us - oldest.record.at > WAITS_US:
        days = (dossier.now_us - oldest.record.at) / DAY
        said = (
            f"{oldest.record.rows} observations of `{device}` are suspect since {days:.0f} days, and nobody settled it"
        )
        ground = on_record(EvidenceClass.OBSERVED, oldest, said)
        mend = f"see what it touched: cityward taint {device}; then retract or clear it"
        return Judged(subject, Result.FAILED, said, (ground,), (subject,), mend=mend)
    if oldest is not None:
        said = f"observations of `{device}` are suspect, and wait to be settled"
        return unknown(subject, said, "somebody who retracts or clears what is marked")
    retracted = [entry for entry in marks if entry.record.state == "retracted"]
    if taken is None and retracted:
        said = f"observations of `{device}` were retracted, and what they touched is not on record"
        return unknown(subject, said, "the record of what was made again: cityward taint retract")
    if taken is not None:
        record = taken.record
        moved = len(record.commands) + record.commands_more
        said = f"{record.hours} hours were made again without `{device}`; {moved} commands rest on it"
        return Judged(subject, Result.PROVEN, said, (on_record(EvidenceClass.OBSERVED, taken, said),), (subject,))
    said = f"what was marked of `{device}` was cleared"
    return Judged(subject, Result.PROVEN, said, (on_record(EvidenceClass.OBSERVED, marks[-1], said),), (subject,))


_SUSPECT = Marked(
    at=NOW_US - 9 * DAY, by="watch", mark="m1", device="counter-1", properties=("vehicle-count",), since=0, until=1,
    state="suspect", why="f1", rows=40, digest=DIGEST, person="",
)  # fmt: skip
_GONE = structs.replace(_SUSPECT, at=NOW_US - DAY, by="web", state="retracted", person="ada")
_AGAIN = Retracted(
    at=NOW_US - DAY, by="web", device="counter-1", since=0, until=1, marks=("m1",), person="ada", hours=3, ranges=1,
    commands=(), commands_more=0, tell=(),
)  # fmt: skip

CONTROL = Control(
    id="I-07",
    title="What a lie touched is found, and made again without it",
    severity=Severity.HIGH,
    supports={"NCSC": ("N14", "N8")},
    check=check,
    proof_lasts_us=366 * DAY,
    false_positives="A mark that was settled in conversation, and stands on record as suspect, counts as not settled.",
    avoid=Example(TOWN, (("watch:1", _SUSPECT),), NOW_US),
    prefer=Example(TOWN, (("web:1", _GONE), ("web:2", _AGAIN)), NOW_US),
    says="devices whose observations were marked",
)
