"""K-05: a way that nothing uses is closed."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example, on_record
from cityward.assurance.examples import NOW_US, TOWN, admission
from cityward.assurance.results import EvidenceClass, Judged, Result, Severity
from cityward.assurance.saying import stated, unknown
from cityward.place.data import Observability
from cityward.time import DAY

UNUSED_US = 30 * DAY


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each flow from a device that passes here: when something last came by it."""
    place = dossier.place
    for name, flow in place.flows.items():
        if flow.from_ not in place.devices or flow.observability is not Observability.ENFORCED:
            continue
        subject, seen = f"flows.{name}", dossier.trail.flows.get(name)
        if seen is None or not seen.entry:
            yield unknown(subject, f"nothing came by `{name}` yet", "traffic")
            continue
        days = (dossier.now_us - seen.at) / DAY
        said = f"something came by `{name}` {days:.0f} days ago"
        ground = on_record(EvidenceClass.OBSERVED, seen.entry, said, seen.at)
        if dossier.now_us - seen.at <= UNUSED_US:
            yield Judged(subject, Result.PROVEN, said, (ground,), (flow.from_, subject))
        elif flow.note:
            yield stated(dossier, subject, f"`{name}` is kept unused: {flow.note}")
        else:
            mend = "end the flow, or note why it is kept"
            yield Judged(subject, Result.FAILED, said, (ground,), (flow.from_, subject), mend=mend)


CONTROL = Control(
    id="K-05",
    title="No flow stays declared that nothing uses",
    severity=Severity.LOW,
    supports={"NCSC": ("N7", "N13"), "OT-SC": ("2",)},
    check=check,
    false_positives="What speaks once a season counts as unused, unless a note says so.",
    avoid=Example(TOWN, (("worker-0:1", admission("counts-in", 5, at=NOW_US - 60 * DAY)),), NOW_US),
    prefer=Example(TOWN, (("worker-0:1", admission("counts-in", 5)),), NOW_US),
    says="flows from devices",
)
