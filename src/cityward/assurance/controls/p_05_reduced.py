"""P-05: of people, less leaves than is held."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import structs

from cityward.assurance.control import Control, Dossier, Example, on_record
from cityward.assurance.examples import NOW_US, SHARING, released
from cityward.assurance.results import EvidenceClass, Judged, Result, Severity
from cityward.assurance.saying import unknown
from cityward.evidence.records import Release


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each personal dataset that a flow of a recipient carries: in which form it left last."""
    place = dossier.place
    for name, recipient in place.recipients.items():
        left = [entry for entry in dossier.trail.of(Release) if entry.record.recipient == name]
        carried = {
            one for flow in recipient.flows for one in place.flows[flow].datasets if place.datasets[one].personal
        }
        for dataset in sorted(carried):
            subject, path = f"recipients.{name}.{dataset}", (f"datasets.{dataset}", f"recipients.{name}")
            newest = next((entry for entry in reversed(left) if dataset in entry.record.datasets), None)
            if newest is None:
                yield unknown(subject, f"`{dataset}` did not leave to `{name}` yet", "a release", *path)
                continue
            form = ", ".join(f"{key}: {value}" for key, value in sorted(newest.record.form.items()))
            said = f"`{dataset}` left to `{name}` {'with ' + form if form else 'as it is held'}"
            ground, result = on_record(EvidenceClass.ENFORCED, newest, said), Result.PROVEN if form else Result.FAILED
            yield Judged(subject, result, said, (ground,), path, mend="" if form else "declare a form for it")


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
    false_positives="Whether a form reduces enough is not judged: only that there is one.",
    avoid=Example(_PERSONAL, (("release:1", released("planner")),), NOW_US),
    prefer=Example(
        _PERSONAL,
        (("release:1", structs.replace(released("planner"), form={"aggregate": "5 devices, 3600 s"})),),
        NOW_US,
    ),
    says="personal datasets, by who is given them",
)
