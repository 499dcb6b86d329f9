"""J-12: of each foreign country that something of the city passes or lies under, somebody looked at it within a year."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from cityward.assurance.control import Control, Dossier, Example
from cityward.assurance.examples import NOW_US, attested, changed
from cityward.assurance.results import Judged, Severity
from cityward.assurance.saying import unknown, wrong
from cityward.assurance.suppliers.touching import suppliers_of
from cityward.evidence.records import Attested
from cityward.place.model import Place
from cityward.place.parties import JurisdictionKind
from cityward.place.record import UNKNOWN
from cityward.time import DAY, iso

CURRENT_US = 366 * DAY
THEMES = "its law, its powers over firms, its relations with us, and what it did to others"


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each country other than home that a hop, a site or a supplier is in."""
    stated = dossier.trail.newest(Attested, lambda record: (record.control, record.subject))
    for land, paths in sorted(_foreign(dossier.place).items()):
        subject, path = f"jurisdictions.{land}", (f"jurisdictions.{land}", *sorted(paths)[:8])
        entry = stated.get(("J-12", subject))
        if entry is not None and entry.record.word == "holds" and dossier.now_us - entry.record.at > CURRENT_US:
            said = f"`{land}` was looked at last on {iso(entry.record.at)[:10]}, more than twelve months ago"
            yield wrong(subject, said, "assess it anew, and state so: `cityward attest`", *path)
        else:
            said = f"{len(paths)} things of the city are in or under `{land}`; nobody says that it was assessed"
            yield unknown(subject, said, f"an assessment of each foreign country: {THEMES}", *path)


def _foreign(place: Place) -> dict[str, set[str]]:
    found = defaultdict[str, set[str]](set)
    for land, path in _named(place):
        one = place.jurisdictions.get(land)
        if one is not None and not one.home and one.kind is JurisdictionKind.STATE:
            found[land].add(path)
    return found


def _named(place: Place) -> Iterator[tuple[str, str]]:
    for name, flow in place.flows.items():
        for hop in flow.route if flow.route != UNKNOWN else ():
            yield hop, f"flows.{name}"
            if hop in place.parties:
                yield place.parties[hop].incorporated_in, f"flows.{name}"
    for name, site in place.sites.items():
        yield site.jurisdiction, f"sites.{name}"
    for name in suppliers_of(place):
        yield place.parties[name].incorporated_in, f"parties.{name}"


_ABROAD = changed(
    ("xa: {code: XA, home: true}", "xa: {code: XA, home: true}\n  xb: {code: XB}"),
    ("observability: enforced}", "observability: enforced, route: [xb]}"),
)

CONTROL = Control(
    id="J-12",
    title="Each foreign country that data passes, or a supplier is in, was assessed within twelve months",
    severity=Severity.MEDIUM,
    supports={"NCSC": ("N4", "N12"), "NSM": ("country-assessment",)},
    check=check,
    false_positives="That it was assessed does not say with what result.",
    avoid=Example(
        _ABROAD, (("statements:1", attested("J-12", "jurisdictions.xb", "looked at", at=NOW_US - 380 * DAY)),), NOW_US
    ),
    prefer=Example(_ABROAD, (("statements:1", attested("J-12", "jurisdictions.xb", "looked at")),), NOW_US),
    says="foreign countries",
    attestable=True,
)
