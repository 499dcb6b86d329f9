"""X-01: between zones there is no way but a declared one."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example
from cityward.assurance.examples import NOW_US, changed
from cityward.assurance.results import Judged, Result, Severity
from cityward.place.model import Place


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each flow between two things of which somebody runs the zones; what goes to a party leaves them."""
    place = dossier.place
    joined = {frozenset(conduit.zones): name for name, conduit in place.conduits.items()}
    for name, flow in place.flows.items():
        if flow.from_ in place.parties or flow.to in place.parties:
            continue
        begin, end = _zone(place, flow.from_), _zone(place, flow.to)
        subject, path = f"flows.{name}", (flow.from_, f"flows.{name}", flow.to)
        if begin is None or end is None:
            silent = flow.from_ if begin is None else flow.to
            said = f"in which zone `{silent}` stands is not said"
            yield Judged(subject, Result.UNKNOWN, said, path=path, missing="the zone of every system and device")
        elif begin != end and frozenset((begin, end)) not in joined:
            said = f"`{name}` goes from `{begin}` to `{end}`, and no conduit joins them"
            yield Judged(subject, Result.FAILED, said, path=path, mend="declare the conduit, or end the flow")
        elif begin != end:
            conduit = joined[frozenset((begin, end))]
            ground = dossier.declared(f"conduits.{conduit}", f"joins {begin} and {end}")
            yield Judged(subject, Result.STATED, f"`{name}` goes by conduit `{conduit}`", (ground,), path)


def _zone(place: Place, name: str) -> str | None:
    thing = place.systems.get(name) or place.devices.get(name)
    return thing.zone if thing is not None else None


_ZONED = changed(
    ("street: {trust: 1}", "street: {trust: 1}\n  core: {trust: 4}"),
    ("cityward: {kind: platform, site: yard,", "cityward: {kind: platform, site: yard, zone: core,"),
)

CONTROL = Control(
    id="X-01",
    title="Every flow between zones goes by a declared conduit",
    severity=Severity.HIGH,
    supports={"NCSC": ("N6",), "IEC62443-3-2": ("ZCR 3",), "IEC62443-3-3": ("SR 5.1", "SR 5.2")},
    check=check,
    false_positives="A recipient outside is no zone of ours: what goes to it is judged by the release gate.",
    avoid=Example(_ZONED, now_us=NOW_US),
    prefer=Example(_ZONED.replace("systems:", "conduits:\n  door: {zones: [street, core]}\nsystems:"), now_us=NOW_US),
    says="flows that cross from zone to zone",
)
