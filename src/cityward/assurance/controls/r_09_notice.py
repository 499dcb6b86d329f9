"""R-09: what is told to the public is made of the declaration, and leaves nothing out that people may ask for."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example
from cityward.assurance.examples import NOW_US, changed
from cityward.assurance.results import Judged, Severity
from cityward.assurance.saying import stated, wrong
from cityward.place.model import Place
from cityward.place.record import UNKNOWN


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each dataset about people that something senses: whether its sign can say all it must."""
    place = dossier.place
    sensed = {
        name: device
        for flow in place.flows.values()
        if flow.from_ in place.devices
        for name in flow.datasets
        if place.datasets[name].personal
        for device in [flow.from_]
    }
    for name in sorted(sensed):
        subject, path = f"datasets.{name}", (f"devices.{sensed[name]}", f"datasets.{name}")
        lacking = tuple(_lacking(place, name, sensed[name]))
        if lacking:
            said = f"the public sign of `{name}` cannot say {', '.join(lacking)}"
            yield wrong(subject, said, "declare it: the public page is made of the declaration", *path)
        else:
            yield stated(dossier, subject, f"the public sign of `{name}` says why, how long, and whom to ask", *path)


def _lacking(place: Place, name: str, device: str) -> Iterable[str]:
    dataset, owner = place.datasets[name], place.devices[device].owner
    if dataset.retention_days == UNKNOWN:
        yield "how long it is kept"
    if dataset.basis is None:
        yield "by which right"
    if not dataset.categories:
        yield "what it is about"
    if not any(place.parties[one].contact for one in (owner, place.responsible) if one in place.parties):
        yield "whom to ask"


_SENSED = changed(
    (
        "counts: {personal: false,",
        "counts: {personal: true, categories: [location], subjects: [driver], basis: public-task,",
    ),
    (
        "council: {kind: public-body, incorporated_in: xa",
        "council: {kind: public-body, incorporated_in: xa, contact: the town hall",
    ),
)

CONTROL = Control(
    id="R-09",
    title="The public is told by the same file that the city runs by, and told all it may ask",
    severity=Severity.MEDIUM,
    supports={"NCSC": ("N5", "N13"), "GDPR": ("13",)},
    check=check,
    false_positives="Whether a sign hangs at the street, and can be read there, nobody here can see.",
    avoid=Example(_SENSED.replace(", contact: the town hall", ""), now_us=NOW_US),
    prefer=Example(_SENSED, now_us=NOW_US),
    says="datasets about people that something senses",
)
