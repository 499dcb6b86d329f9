"""K-06: each data chain is known to its end, and a long one has a reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

from cityward.assurance.control import Control, Dossier, Example
from cityward.assurance.examples import NOW_US, changed
from cityward.assurance.results import Judged, Severity
from cityward.assurance.saying import stated, unknown, wrong
from cityward.place.model import Place
from cityward.place.record import UNKNOWN

MOST_PARTIES = 6
"""Through so many hands a dataset may go without a note. PRECEDENT: maker, network, host, operator, owner and one recipient."""


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each dataset that moves: through whose hands, and whether a hop is not known."""
    for name, flows in _by_dataset(dossier.place).items():
        subject, dataset = f"datasets.{name}", dossier.place.datasets[name]
        parties, hidden = _hands(dossier.place, flows)
        path = (subject, *(f"flows.{flow}" for flow in flows[:12]))
        if hidden:
            said = f"`{name}` goes through what nobody knows: {', '.join(hidden[:3])}"
            yield unknown(subject, said, f"declare {hidden[0]}", *path)
        elif len(parties) > MOST_PARTIES and not dataset.note:
            said = f"`{name}` goes through the hands of {len(parties)} parties: {', '.join(sorted(parties))}"
            yield wrong(subject, said, "shorten the chain, or note on the dataset why it must be so long", *path)
        else:
            yield stated(
                dossier,
                subject,
                f"`{name}` goes through the hands of {len(parties)} on {len(flows)} declared ways",
                *path,
            )


def _by_dataset(place: Place) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, flow in place.flows.items():
        for dataset in flow.datasets:
            found.setdefault(dataset, []).append(name)
    return found


def _hands(place: Place, flows: Iterable[str]) -> tuple[set[str], list[str]]:
    """The parties that a dataset goes through, sub-suppliers too; and the lines that are unknown on its way."""
    parties, hidden = set[str](), dict[str, None]()
    for name in flows:
        flow = place.flows[name]
        if flow.route == UNKNOWN:
            hidden[f"flows.{name}.route"] = None
        else:
            parties.update(one for one in flow.route if one in place.parties)
        for end in (flow.from_, flow.to):
            _hand(place, end, parties, hidden)
    for party in sorted(parties):
        if place.parties[party].subprocessors == UNKNOWN:
            hidden[f"parties.{party}.subprocessors"] = None
    return parties, list(hidden)


def _hand(place: Place, end: str, parties: set[str], hidden: dict[str, None]) -> None:
    system, device = place.systems.get(end), place.devices.get(end)
    operator = system.operator if system else (device.operator or device.owner) if device else end
    if operator == UNKNOWN:
        hidden[f"{'systems' if system else 'devices'}.{end}.operator"] = None
    elif operator in place.parties:
        parties.add(operator)
        subs = place.parties[operator].subprocessors
        if system is not None and subs != UNKNOWN:
            parties.update(subs)


def _through(count: int) -> str:
    """The counts, passed on from house to house."""
    names = [f"house-{n}" for n in range(count)]
    parties = "".join(f"  {name}: {{kind: company, incorporated_in: xa}}\n" for name in names)
    systems = "".join(f"  at-{name}: {{kind: analytics, site: yard, operator: {name}}}\n" for name in names)
    ends = ["cityward", *(f"at-{name}" for name in names)]
    flows = "".join(
        f"  hop-{n}: {{from: {a}, to: {b}, datasets: [counts], purpose: planning, protocol: http, observability: imported}}\n"
        for n, (a, b) in enumerate(pairwise(ends))
    )
    return changed(
        ("purposes:", parties + "purposes:"),
        ("device_models:", systems + "device_models:"),
        ("services:", flows + "services:"),
    )


CONTROL = Control(
    id="K-06",
    title="Each data chain is known to its end, and a long one has a reason",
    severity=Severity.MEDIUM,
    supports={"NCSC": ("N1", "N4"), "EDPB": ("01/2020",)},
    check=check,
    false_positives="Parties that never see the data in the clear are counted as hands, too.",
    avoid=Example(_through(7), now_us=NOW_US),
    prefer=Example(_through(2), now_us=NOW_US),
    says="datasets that move",
)
