"""P-08: who holds the keys is known, and is somebody of whom the owner knows."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example
from cityward.assurance.examples import NOW_US, changed
from cityward.assurance.results import Judged, Severity
from cityward.assurance.saying import stated, unknown, wrong
from cityward.place.data import Dataset, Key
from cityward.place.model import Place
from cityward.place.record import UNKNOWN
from cityward.reach.exposure.declared import Declared


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each declared key: whether a party of a land that a dataset does not allow holds it."""
    place, inside = dossier.place, Declared(dossier.place).inside
    for name, key in place.keys.items():
        subject, holder = f"keys.{name}", key.holder
        lands, hidden = (set[str](), True) if holder == UNKNOWN else _lands(place, holder)
        path = (f"parties.{holder}", subject) if holder != UNKNOWN else (subject,)
        limits = [set(one.allowed_jurisdictions) for one in _protected(place, key) if one.allowed_jurisdictions]
        allowed = [{*one, *(member for land in one for member in inside.get(land, ()))} for one in limits]
        abroad = sorted({land for one in allowed for land in lands - one})
        if abroad:
            said = f"`{holder}`, under the law of {', '.join(abroad)}, holds `{name}`, and what it protects may not be there"
            yield wrong(subject, said, "hold the key at home", *path)
        elif hidden:
            said = f"who holds `{name}`, or who owns the holder, is not known"
            yield unknown(subject, said, "the holder of every key, and its owners", *path)
        elif not allowed:
            said = f"`{holder}` holds `{name}`; what it protects names no jurisdictions that it is kept to"
            yield unknown(subject, said, "allowed_jurisdictions of what the key protects", *path)
        else:
            yield stated(dossier, subject, f"`{holder}` and its owners are where what `{name}` protects may be", *path)


def _protected(place: Place, key: Key) -> Iterable[Dataset]:
    """The datasets that a key protects: named, carried by a flow, or stored in a system."""
    for name in key.protects:
        flow, system = place.flows.get(name), place.systems.get(name)
        within = flow.datasets if flow is not None else system.stores if system is not None else (name,)
        yield from (place.datasets[one] for one in within if one in place.datasets)


def _lands(place: Place, holder: str) -> tuple[set[str], bool]:
    """Under whose laws a party and its owners are, and whether one of them is not known."""
    lands, hidden, seen, todo = set[str](), False, {holder}, [holder]
    while todo:
        party = place.parties[todo.pop()]
        if party.incorporated_in == UNKNOWN:
            hidden = True
        else:
            lands.add(party.incorporated_in)
        if party.owners == UNKNOWN:
            hidden = True
            continue
        for stake in party.owners:
            if stake.party in place.parties and stake.party not in seen:
                seen.add(stake.party)
                todo.append(stake.party)
    return lands, hidden


_HELD = changed(
    ("xa: {code: XA, home: true}", "xa: {code: XA, home: true}\n  xb: {code: XB}"),
    ("purposes:", "  firm: {kind: company, incorporated_in: xb}\npurposes:"),
    ("retention_days: 30,", "retention_days: 30, allowed_jurisdictions: [xa],"),
    ("services:", "keys:\n  disk: {holder: council, protects: [counts]}\nservices:"),
)

CONTROL = Control(
    id="P-08",
    title="Keys are held where the data that they protect may be",
    severity=Severity.HIGH,
    supports={"NCSC": ("N8", "N4"), "EDPB": ("01/2020",)},
    check=check,
    false_positives="An owner with a small share counts like one that decides: `cityward reach` weighs shares.",
    avoid=Example(_HELD.replace("holder: council", "holder: firm"), now_us=NOW_US),
    prefer=Example(_HELD, now_us=NOW_US),
    says="declared keys",
)
