"""The registers a controller keeps, generated from the declaration and held against what was observed.

Processing: one row for each personal dataset and purpose (# SPEC: GDPR art. 30(1)). Transfers: one row for each flow by which
data comes to a place outside home, or to a party over which a jurisdiction outside home has power, for certain or possibly.

Does not live here: how a register looks (`compose.keeping.register_files`).

INVARIANTS
- The same declaration and evidence give the same rows in the same order.
- What left without standing in the declaration is never left out: it is a row of its own, `undeclared`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from cityward.compose.home import Home, read_city_file
from cityward.compose.keeping.left import BLIND, NEVER, UNDECLARED, Key, Seen, said, seen_under, sum_of, undeclared
from cityward.compose.places import load_place
from cityward.place.data import Flow, Observability
from cityward.place.model import Place
from cityward.place.record import UNKNOWN
from cityward.reach.effective import Lands, lands_of
from cityward.time import iso


class Processing(msgspec.Struct, frozen=True, kw_only=True):
    """One activity: a personal dataset for a purpose. Names as declared."""

    dataset: str
    purpose: str
    controller: str
    processors: tuple[str, ...]
    basis: str
    special: str
    categories: tuple[str, ...]
    subjects: tuple[str, ...]
    recipients: tuple[str, ...]
    transfers: tuple[str, ...]  # jurisdictions outside home
    retention: str
    kept_in: tuple[str, ...]
    security: tuple[str, ...]
    flows: tuple[str, ...]
    observed: str
    receipts: int
    rows: int
    last: str


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """One way by which data comes under a law that is not home's. certain, possible: jurisdictions with power over the party."""

    flow: str
    recipient: str
    party: str
    datasets: tuple[str, ...]
    personal: bool
    purpose: str
    agreement: str
    place: str
    certain: tuple[str, ...]
    possible: tuple[str, ...]
    forms: tuple[str, ...]
    observability: str
    observed: str
    receipts: int
    rows: int
    last: str


class Register(msgspec.Struct, frozen=True, kw_only=True):
    """A register. `findings`: what left without being declared so, in words; `seen`: how many receipts it was held against."""

    kind: str
    place: str
    controller: str
    declaration: str
    seen: int
    rows: tuple[Processing | Transfer, ...]
    findings: tuple[str, ...]


def register(state: Path, kind: str) -> Register:
    """The register of a kind, `processing` or `transfers`, of a city that ran.

    Raises:
        CitywardError: no city ran there, its declaration is wrong, or a ledger is damaged.
    """
    home = Home(state)
    loaded = load_place(Path(read_city_file(home).place))
    seen = seen_under(home.root)
    return register_of(loaded.place, loaded.digest, kind, seen)


def register_of(place: Place, digest: str, kind: str, seen: Mapping[Key, Seen]) -> Register:
    """The same, of a declaration and what was observed."""
    lands, findings = lands_of(place), undeclared(place, seen)
    made = _processing(place, lands, seen) if kind == "processing" else _transfers(place, lands, seen)
    return Register(
        kind=kind,
        place=place.name,
        controller=_party(place, place.responsible),
        declaration=digest,
        seen=sum(one.receipts for one in seen.values()),
        rows=tuple(made),
        findings=tuple(said(key, seen[key], why) for key, why in findings.items()),
    )


# --- processing ------------------------------------------------------------------------------------------------------


def _processing(place: Place, lands: Lands, seen: Mapping[Key, Seen]) -> Iterator[Processing]:
    for name, dataset in place.datasets.items():
        if not dataset.personal:
            continue
        moving = {flow_id: flow for flow_id, flow in place.flows.items() if name in flow.datasets}
        purposes = dict.fromkeys(flow.purpose for flow in moving.values()) or {"": None}
        for purpose in purposes:
            flows = {flow_id: flow for flow_id, flow in moving.items() if flow.purpose == purpose}
            total, word = sum_of(place, list(flows), seen, name, "")
            parties = _receivers(place, flows.values())
            yield Processing(
                dataset=dataset.name or name,
                purpose=_title(place, purpose),
                controller=_party(place, place.responsible),
                processors=_processors(place, name, purpose),
                basis=dataset.basis or "none declared",
                special=dataset.special_basis or "none declared" if dataset.special else "",
                categories=dataset.categories,
                subjects=dataset.subjects,
                recipients=tuple(_party(place, one) for one in parties),
                transfers=_abroad_of(place, lands, flows.values()),
                retention=_days(dataset.retention_days),
                kept_in=tuple(system for system, one in place.systems.items() if name in one.stores),
                security=_security(place, name, flows),
                flows=tuple(flows),
                observed=word,
                receipts=total.receipts,
                rows=total.rows,
                last=iso(total.last) if total.receipts else "",
            )


def _processors(place: Place, dataset: str, purpose: str) -> tuple[str, ...]:
    """Parties of agreements on processing or hosting that cover it."""
    found: dict[str, None] = {}
    for one in place.agreements.values():
        covers = dataset in one.datasets and (not one.purposes or purpose in one.purposes)
        if one.kind in ("processing", "hosting", "support") and covers:
            found |= {_party(place, party): None for party in one.parties if party != place.responsible}
    return tuple(found)


def _security(place: Place, dataset: str, flows: Mapping[str, Flow]) -> tuple[str, ...]:
    ways = sorted({f"on its way: {flow.protection.value}" for flow in flows.values()})
    keys = {
        f"key {key.kind}, held by {_party(place, key.holder)}" for key in place.keys.values() if dataset in key.protects
    }
    forms = {
        f"form `{form}`" for form in (place.datasets[dataset].release_form, *(f.form for f in flows.values())) if form
    }
    return (*ways, *sorted(keys), *sorted(forms))


# --- transfers -------------------------------------------------------------------------------------------------------


def _transfers(place: Place, lands: Lands, seen: Mapping[Key, Seen]) -> Iterator[Transfer]:
    for flow_id, flow in place.flows.items():
        receivers = [(name, one) for name, one in place.recipients.items() if flow_id in one.flows]
        for who, recipient in receivers:
            yield from _transfer(place, lands, seen, flow_id, who, recipient.party, recipient.jurisdiction)
        party = _receiver(place, flow)
        if not receivers and party is not None and party != place.responsible:
            yield from _transfer(place, lands, seen, flow_id, "", party, _where(place, flow))
    for (flow_id, who, dataset, purpose), why in undeclared(place, seen).items():
        one = seen[flow_id, who, dataset, purpose]
        yield Transfer(
            flow=flow_id, recipient=who, party="", datasets=(dataset,) if dataset else (), personal=_personal(place, [dataset]),
            purpose=purpose, agreement="", place=why, certain=(), possible=(), forms=(one.form,), observability="",
            observed=UNDECLARED, receipts=one.receipts, rows=one.rows, last=iso(one.last),
        )  # fmt: skip


def _transfer(
    place: Place, lands: Lands, seen: Mapping[Key, Seen], flow_id: str, who: str, party: str, where: str
) -> Iterator[Transfer]:
    """A row, where it leaves home."""
    flow = place.flows[flow_id]
    certain, possible = _outside(place, lands, party)
    if not certain and not possible and not _is_abroad(place, where):
        return
    total, word = sum_of(place, [flow_id], seen, "", who)
    forms = {flow.form, *(place.datasets[name].release_form for name in flow.datasets if name in place.datasets)}
    if who:
        forms.add(place.recipients[who].form)
    if flow.observability is Observability.NOT_OBSERVABLE and word == NEVER:
        word = BLIND
    yield Transfer(
        flow=flow_id,
        recipient=who,
        party=_party(place, party),
        datasets=flow.datasets,
        personal=_personal(place, flow.datasets),
        purpose=_title(place, flow.purpose),
        agreement=_agreement(place, flow.agreement),
        place=_land(place, where),
        certain=certain,
        possible=possible,
        forms=(*sorted(form for form in forms if form), *((total.form,) if total.form else ())),
        observability=flow.observability.value,
        observed=word,
        receipts=total.receipts,
        rows=total.rows,
        last=iso(total.last) if total.receipts else "",
    )


def _outside(place: Place, lands: Lands, party: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Jurisdictions outside home with power over a party, for certain and possibly; of one that is not known: any."""
    if party not in lands:
        return (), (UNKNOWN,)
    certain, possible = lands[party]
    foreign = [land for land, one in place.jurisdictions.items() if not one.home]
    return (
        tuple(_land(place, land) for land in foreign if land in certain),
        tuple(_land(place, land) for land in foreign if land in possible),
    )


def _is_abroad(place: Place, land: str) -> bool:
    return land == UNKNOWN or (land in place.jurisdictions and not place.jurisdictions[land].home)


def _abroad_of(place: Place, lands: Lands, flows: Iterable[Flow]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for flow in flows:
        where = _where(place, flow)
        if _is_abroad(place, where):
            found[_land(place, where)] = None
        party = _receiver(place, flow)
        if party is not None and party != place.responsible:
            certain, possible = _outside(place, lands, party)
            found |= dict.fromkeys(certain) | {f"{land} (possibly)": None for land in possible}
    return tuple(found)


# --- the declaration's words -----------------------------------------------------------------------------------------


def _receivers(place: Place, flows: Iterable[Flow]) -> tuple[str, ...]:
    found = (_receiver(place, flow) for flow in flows)
    return tuple(dict.fromkeys(one for one in found if one is not None and one != place.responsible))


def _receiver(place: Place, flow: Flow) -> str | None:
    """The party at a flow's end; None for a device of the street."""
    if flow.to in place.systems:
        return place.systems[flow.to].operator
    return flow.to if flow.to in place.parties else None


def _where(place: Place, flow: Flow) -> str:
    """The jurisdiction of the system at a flow's end; of a party's own: where it is incorporated."""
    if flow.to in place.systems:
        site = place.systems[flow.to].site
        return place.sites[site].jurisdiction if site in place.sites else UNKNOWN
    return place.parties[flow.to].incorporated_in if flow.to in place.parties else ""


def _personal(place: Place, datasets: Sequence[str]) -> bool:
    return any(place.datasets[name].personal for name in datasets if name in place.datasets)


def _agreement(place: Place, name: str | None) -> str:
    if name is None or name not in place.agreements:
        return "none declared"
    one = place.agreements[name]
    ends = f" to {one.ends.isoformat()}" if one.ends is not None else ", without an end"
    return f"{one.name or name} ({one.kind}{ends})"


def _land(place: Place, name: str) -> str:
    return place.jurisdictions[name].code if name in place.jurisdictions else name


def _party(place: Place, name: str) -> str:
    return place.parties[name].name or name if name in place.parties else name


def _title(place: Place, purpose: str) -> str:
    return place.purposes[purpose].name or purpose if purpose in place.purposes else purpose


def _days(days: int | str) -> str:
    return "unknown" if isinstance(days, str) else f"{days} day{'' if days == 1 else 's'}"
