"""Four numbers that a council can publish, each with how it was computed, and `unknown` where nobody knows.

They say what is on record and what is declared, of what passes here; none of them is a grade.
"""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.assessing import Assessment
from cityward.assurance.control import TRIED_LASTS_US, Dossier
from cityward.assurance.reporting.model import Headline
from cityward.evidence.records import Alerted, CommandOutcome, Exercised, FeedJudged, Release
from cityward.place.model import Place
from cityward.place.parties import JurisdictionKind
from cityward.place.registry import number
from cityward.reach.exposure.answers import LAW, NEXUS, Bound, Exposure, expose
from cityward.reach.exposure.compile import compile_place
from cityward.reach.exposure.nodes import Mode, Node, Predicate
from cityward.time import DAY, iso

UNKNOWN = "unknown"
NO_DATA = "none: no such data is declared"
SEEN_WITHIN_US = 7 * DAY


def headlines(found: Assessment, dossier: Dossier) -> tuple[Headline, ...]:
    """The four, in the order in which they are published."""
    return _refused(found, dossier), _explained(dossier), _lands(dossier), _drilled(dossier)


def _refused(found: Assessment, dossier: Dossier) -> Headline:
    received = sum(seen.received for seen in dossier.trail.flows.values())
    return Headline(
        id="undeclared-refused",
        title="Messages that no declared flow carries, refused",
        value=f"{found.undeclared_refused}" if received else UNKNOWN,
        how=f"rows that the gate refused because no declared flow carries them, of {received} rows that came, in all "
        "admissions on record; what bypasses Cityward is not in it",
    )


def _explained(dossier: Dossier) -> Headline:
    place, seen = dossier.place, _seen(dossier)
    assets = [f"devices.{name}" for name in place.devices] + [f"systems.{name}" for name in place.systems]
    explained = [asset for asset in assets if asset in seen]
    known = bool(assets) and bool(dossier.trail.counts)
    return Headline(
        id="assets-explained",
        title="Share of declared assets that were also seen",
        value=f"{len(explained) * 100 // len(assets)} % ({len(explained)} of {len(assets)})" if known else UNKNOWN,
        how="declared devices (or groups of them) and systems that within seven days sent or got something by a declared "
        "flow, or obeyed a command, by the log; a thing that nobody declared and nobody heard is in no number",
        detail=tuple(f"{asset}: not seen" for asset in assets if asset not in seen) if known else (),
    )


def _seen(dossier: Dossier) -> frozenset[str]:
    """Declared assets that something of the last days on record names."""
    place, since = dossier.place, dossier.now_us - SEEN_WITHIN_US
    trail = dossier.trail
    flows = {name for name, flow in trail.flows.items() if flow.entry and flow.at >= since}
    flows |= {
        entry.record.flow for kind in (Release, FeedJudged) for entry in trail.of(kind) if entry.record.at >= since
    }
    flows |= {
        entry.record.flow for entry in trail.of(Alerted) if entry.record.at >= since and entry.record.outcome == "sent"
    }
    ends = {end for name in flows if name in place.flows for end in (place.flows[name].from_, place.flows[name].to)}
    obeyed = {entry.record.device for entry in trail.of(CommandOutcome)
              if entry.record.at >= since and entry.record.outcome == "acknowledged"}  # fmt: skip
    return frozenset(_assets(place, ends, obeyed))


def _assets(place: Place, ends: Iterable[str], units: Iterable[str]) -> Iterable[str]:
    for end in ends:
        if end in place.devices:
            yield f"devices.{end}"
        if end in place.systems:
            yield f"systems.{end}"
    registry = number(place)
    for unit in units:
        if (index := registry.unit_index.get(unit)) is not None:
            yield f"devices.{registry.units[index].group}"


def _lands(dossier: Dossier) -> Headline:
    place = dossier.place
    judged = [name for name, dataset in place.datasets.items() if dataset.personal or dataset.sensitivity != "public"]
    states = {name for name, land in place.jurisdictions.items() if land.kind is JurisdictionKind.STATE}
    certain = _reaching(dossier.exposure, judged, Bound.CERTAIN) & states
    open_ = (_reaching(dossier.exposure, judged, Bound.POSSIBLE) & states) - certain
    near = (_reaching(_nearness(place), judged, Bound.CERTAIN) & states) - certain - open_
    value = f"{len(certain)} by a declared power, {len(near)} by access alone, {len(open_)} not known"
    told = (("can", certain), ("not known", open_), ("access alone, no declared power to use it", near))
    return Headline(
        id="countries-reaching",
        title="Countries that can reach personal or operational data",
        value=NO_DATA if not judged else value if states else UNKNOWN,
        how=f"{len(judged)} datasets that are personal or not public; each declared country, home included, over its parties and "
        "over places on its soil; `cityward reach --dataset NAME --why` tells each path",
        detail=tuple(f"{name}: {words}" for words, lands in told for name in sorted(lands)),
    )


def _nearness(place: Place) -> Exposure:
    """What each country's own parties, and places on its soil, reach whether or not a law makes them."""
    return expose(compile_place(place), [Node(kind, land) for land in place.jurisdictions for kind in NEXUS.values()])


def _reaching(exposure: Exposure, datasets: Iterable[str], bound: Bound) -> frozenset[str]:
    over = {*LAW.values(), *NEXUS.values()}
    return frozenset(
        node.subject
        for name in datasets
        for node in exposure.who(Node(Predicate.DATASET, name, Mode.READ), bound)
        if node.predicate in over
    )


def _drilled(dossier: Dossier) -> Headline:
    critical = sorted({one.service for one in dossier.place.functions.values() if one.essential})
    newest: dict[str, int] = {}
    for entry in dossier.trail.of(Exercised):
        for service in entry.record.services:
            newest[service] = max(newest.get(service, 0), entry.record.at)
    fresh = [name for name in critical if name in newest and dossier.now_us - newest[name] <= TRIED_LASTS_US]
    return Headline(
        id="drilled",
        title="Critical services that were exercised within twelve months",
        value=f"{len(fresh)} of {len(critical)}" if critical else UNKNOWN,
        how="services behind essential functions, with an exercise on record that touched them; what held is under R-08",
        detail=tuple(f"{name}: {iso(newest[name])[:10] if name in newest else 'never'}" for name in critical),
    )
