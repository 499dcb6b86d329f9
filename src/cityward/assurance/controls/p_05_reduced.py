"""P-05: of people, less leaves than is held."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import structs

from cityward.assurance.control import Control, Dossier, Example, on_record
from cityward.assurance.examples import NOW_US, SHARING, released
from cityward.assurance.results import EvidenceClass, Judged, Result, Severity
from cityward.assurance.saying import unknown

REDUCES = frozenset({"aggregate", "pseudonymise", "coarsen_place"})
"""What makes a person harder to find in it. A delay, a watermark or coarser times alone do not."""


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each personal dataset that a flow of a recipient carries: in which form it left last."""
    place = dossier.place
    left = {(entry.record.recipient, name): entry for entry in dossier.receipts for name in entry.record.datasets}
    for name, recipient in place.recipients.items():
        carried = {
            one for flow in recipient.flows for one in place.flows[flow].datasets if place.datasets[one].personal
        }
        for dataset in sorted(carried):
            subject, path = f"recipients.{name}.{dataset}", (f"datasets.{dataset}", f"recipients.{name}")
            newest = left.get((name, dataset))
            if newest is None:
                said = f"`{dataset}` did not leave to `{name}` under this declaration yet"
                yield unknown(subject, said, "a release", *path)
                continue
            form = ", ".join(f"{key}: {value}" for key, value in sorted(newest.record.form.items()) if key in REDUCES)
            said = f"`{dataset}` left to `{name}` {'with ' + form if form else 'in no form that hides who it is about'}"
            ground, result = on_record(EvidenceClass.ENFORCED, newest, said), Result.PROVEN if form else Result.FAILED
            yield Judged(
                subject,
                result,
                said,
                (ground,),
                path,
                mend="" if form else "declare a form that aggregates, renames or coarsens it",
            )


_PERSONAL = SHARING.replace(
    "counts: {personal: false,",
    "counts: {personal: true, categories: [location], subjects: [driver], basis: public-task,",
)

CONTROL = Control(
    id="P-05",
    title="Personal data is reduced before it leaves",
    severity=Severity.HIGH,
    supports={"NCSC": ("N8",), "GDPR": ("25",)},
    check=check,
    false_positives="Whether a form reduces enough is not judged: only that one which hides somebody was used.",
    avoid=Example(_PERSONAL, (("release:1", released("planner")),), NOW_US),
    prefer=Example(
        _PERSONAL,
        (("release:1", structs.replace(released("planner"), form={"aggregate": "5 devices, 3600 s"})),),
        NOW_US,
    ),
    says="personal datasets, by who is given them",
)
