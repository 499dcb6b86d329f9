"""P-01: what moves about people has a purpose, a basis and an end."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example
from cityward.assurance.examples import NOW_US, changed
from cityward.assurance.results import Judged, Severity
from cityward.assurance.saying import stated, wrong
from cityward.place.data import Dataset
from cityward.place.record import UNKNOWN


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each flow that carries personal data."""
    place = dossier.place
    for name, flow in place.flows.items():
        personal = {one: place.datasets[one] for one in flow.datasets if place.datasets[one].personal}
        if not personal:
            continue
        subject, path = f"flows.{name}", (f"flows.{name}", *(f"datasets.{one}" for one in personal))
        lacking = [f"`{one}` has no {what}" for one, dataset in personal.items() for what in _lacking(dataset)]
        if lacking:
            yield wrong(subject, "; ".join(lacking), "declare what is not said of the dataset", *path)
        else:
            said = f"`{name}` serves `{flow.purpose}`; its data has a category, a basis and an end"
            yield stated(dossier, subject, said, *path)


def _lacking(dataset: Dataset) -> Iterable[str]:
    if dataset.basis is None:
        yield "lawful basis"
    if dataset.special and not dataset.special_basis.strip():
        yield "basis for a special category"
    if not dataset.categories:
        yield "category"
    if dataset.retention_days == UNKNOWN:
        yield "end"


_PERSONAL = changed(
    (
        "counts: {personal: false,",
        "counts: {personal: true, categories: [location], subjects: [driver], basis: public-task,",
    )
)

CONTROL = Control(
    id="P-01",
    title="Every flow of personal data has a purpose, a basis, categories and an end",
    severity=Severity.HIGH,
    supports={"NCSC": ("N5", "N8"), "GDPR": ("30",)},
    check=check,
    false_positives="Whether the basis that is named is the right one is for a lawyer, and is not judged.",
    avoid=Example(_PERSONAL.replace("retention_days: 30", "retention_days: unknown"), now_us=NOW_US),
    prefer=Example(_PERSONAL, now_us=NOW_US),
    says="flows that carry personal data",
)
