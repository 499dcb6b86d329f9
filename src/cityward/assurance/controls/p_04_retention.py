"""P-04: what was to go is gone."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example, on_record
from cityward.assurance.examples import DIGEST, NOW_US, changed
from cityward.assurance.results import EvidenceClass, Judged, Result, Severity
from cityward.evidence.records import Erased
from cityward.place.record import UNKNOWN
from cityward.time import DAY, HOUR

GRACE_US = 25 * HOUR  # what is due is erased once a day
FRESH_US = 2 * DAY


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each dataset with personal data: what the last sweep left as the oldest row."""
    swept = dossier.trail.newest(Erased, lambda record: record.dataset)
    for name, dataset in dossier.place.datasets.items():
        if not dataset.personal:
            continue
        subject = f"datasets.{name}"
        if dataset.retention_days == UNKNOWN:
            said = f"nobody said how long `{name}` is kept"
            yield Judged(subject, Result.FAILED, said, path=(subject,), mend="declare its retention_days")
            continue
        entry = swept.get(name)
        if entry is None or dossier.now_us - entry.record.at > FRESH_US:
            said = f"no sweep of `{name}` is on record within two days"
            yield Judged(
                subject, Result.UNKNOWN, said, path=(subject,), missing="a sweep by the retention of this city"
            )
            continue
        age = (entry.record.at - entry.record.oldest) / DAY if entry.record.oldest else 0.0
        said = f"the oldest row of `{name}` was {age:.1f} days old; it is kept {dataset.retention_days} days"
        ground = on_record(EvidenceClass.OBSERVED, entry, said)
        kept = age * DAY <= dataset.retention_days * DAY + GRACE_US
        result = Result.PROVEN if kept else Result.FAILED
        yield Judged(subject, result, said, (ground,), (subject,), mend="" if kept else "run `cityward retention`")


def _sweep(days: float) -> Erased:
    return Erased(
        at=NOW_US, by="worker-0", dataset="counts", device="", why="retention", since=0, until=NOW_US, rows=1,
        copies={"history": 1}, digest=DIGEST, oldest=int(NOW_US - days * DAY), tell=(), person="",
    )  # fmt: skip


_PERSONAL = changed(
    (
        "counts: {personal: false,",
        "counts: {personal: true, categories: [location], subjects: [driver], basis: public-task,",
    )
)

CONTROL = Control(
    id="P-04",
    title="Personal data goes when it is due, in every copy",
    severity=Severity.HIGH,
    supports={"NCSC": ("N8", "N5"), "EN303645": ("5.11",)},
    check=check,
    false_positives="Copies that a recipient made are not seen here: their receipts say who has them.",
    avoid=Example(_PERSONAL, (("worker-0:1", _sweep(45)),), NOW_US),
    prefer=Example(_PERSONAL, (("worker-0:1", _sweep(12)),), NOW_US),
    says="datasets with personal data",
)
