"""The rules of release in Cedar, written a second time: from the declaration, never from the compiled table.

So they can be read by whoever knows Cedar, and judge the table: another engine, other code, the same answers. A request is
`principal = Recipient::"<recipient>"`, `action = Action::"release"`, `resource = Dataset::"<dataset>"`, and a context of
`purpose`, `origin` and `at` (us). What a flow carries is permitted; each reason against it is a `forbid` whose `@id` begins with
its word.

INVARIANT: every policy is valid under `SCHEMA`, so none of them can err on entities that conform to it.

SECURITY: Cedar leaves out a policy that errs, also a `forbid`. Whoever uses this export must take an answer with errors for a no.

Source: the Cedar policy language 4 (docs.cedarpolicy.com): policies, the entities' JSON, the schema.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from cityward.place.model import Place
from cityward.place.record import Record
from cityward.place.registry import members
from cityward.policy.contract import Request, Standing

SCHEMA = """\
entity Party;
entity Jurisdiction;
entity Recipient = { party: Party, addresses: Long, revoked: Bool, starts?: Long, ends?: Long };
entity Dataset = {
  personal: Bool, special: Bool, has_basis: Bool, has_special_basis: Bool, sensitivity: String,
  lists: Bool, allowed: Set<Jurisdiction>, areas: Set<String>, anywhere: Bool, starts?: Long, ends?: Long,
};
entity Agreement = {
  parties: Set<Party>, datasets: Set<Dataset>, purposes: Set<String>, pending: Bool,
  runs_from?: Long, runs_to?: Long, starts?: Long, ends?: Long,
};
entity Flow = {
  from_platform: Bool, enforced: Bool, receiver?: Party, datasets: Set<Dataset>, purpose: String, agreement?: Agreement,
  starts?: Long, ends?: Long,
};
entity Way = { certain: Set<Jurisdiction>, possible: Set<Jurisdiction>, unknown: Bool };
entity Posture = {
  everywhere: Bool, areas: Set<String>, datasets: Set<Dataset>, parties: Set<Party>, purposes: Set<String>,
  sensitivity: Set<String>, jurisdictions: Set<Jurisdiction>, asks_where: Bool,
};
action release appliesTo {
  principal: Recipient, resource: Dataset, context: { purpose: String, origin: Long, at: Long },
};
"""
"""Times are us since 1970, the last one exclusive. allowed, jurisdictions: with all that lies in them. Way: `recipient/flow`."""

_ANY = 'principal is Recipient, action == Action::"release", resource is Dataset'

_GENERAL = """\
@id("revoked")
forbid ({any}) when {{ principal.revoked }};
@id("from-elsewhere")
forbid ({any}) when {{ context.origin < 0 || context.origin >= principal.addresses }};
@id("no-basis")
forbid ({any}) when {{ resource.personal && !resource.has_basis || resource.special && !resource.has_special_basis }};
@id("out-of-term/recipient")
forbid ({any}) when {{ {principal_over} }};
@id("out-of-term/dataset")
forbid ({any}) when {{ {resource_over} }};
"""

_OPEN = (
    '(resource.sensitivity == "public" || resource.sensitivity == "internal")'
    " && !resource.personal && !resource.special && !resource.lists"
)

_WAY = """\
// {recipient} by {flow}
@id("declared/{recipient}/{flow}")
permit ({who}) when {{ {carried} }};
@id("undeclared/{recipient}/{flow}")
forbid ({who}) when {{ {carried} }}
unless {{ {f}.from_platform && {f} has receiver && {f}.receiver == principal.party }};
@id("not-enforced/{recipient}/{flow}")
forbid ({who}) when {{ {carried} && !{f}.enforced }};
@id("no-agreement/{recipient}/{flow}")
forbid ({who}) when {{ {carried} && !({f} has agreement) }};
@id("not-agreed/{recipient}/{flow}")
forbid ({who}) when {{ {carried} && {f} has agreement }}
unless {{ {a}.parties.contains(principal.party) && {a}.datasets.contains(resource) && {a}.purposes.contains(context.purpose) }};
@id("pending/{recipient}/{flow}")
forbid ({who}) when {{ {carried} && {f} has agreement && {a}.pending }};
@id("out-of-term/{recipient}/{flow}")
forbid ({who}) when {{ {carried} && ({flow_over}) }};
@id("out-of-term/{recipient}/{flow}/agreement")
forbid ({who}) when {{ {carried} && {f} has agreement && ({agreement_over} || {agreement_run}) }};
@id("not-allowed-there/{recipient}/{flow}")
forbid ({who}) when {{ {carried} && !({open}) && !resource.allowed.containsAll({w}.certain) }};
@id("jurisdiction-unknown/{recipient}/{flow}")
forbid ({who}) when {{ {carried} && !({open}) && ({w}.unknown || !resource.allowed.containsAll({w}.possible)) }};
"""

_POSTURE = """\
@id("posture/{name}")
forbid ({any})
when {{ {here} && ({p}.datasets.contains(resource) || {p}.sensitivity.contains(resource.sensitivity)
  || {p}.parties.contains(principal.party) || {p}.purposes.contains(context.purpose)) }};
"""

_POSTURE_WAY = """\
@id("posture/{name}/{recipient}/{flow}")
forbid ({who})
when {{ {carried} && {here} && {p}.asks_where
  && ({w}.unknown || {p}.jurisdictions.containsAny({w}.certain) || {p}.jurisdictions.containsAny({w}.possible)) }};
"""


def policies_of(place: Place, standing: Standing) -> str:
    """The rules as Cedar policies; what changes while the city runs is in the entities, but for postures: those in force."""
    parts = [_GENERAL.format(any=_ANY, principal_over=_over("principal"), resource_over=_over("resource"))]
    for recipient, flow in _ways(place):
        parts.append(_WAY.format(**_words(recipient, flow)))
    for name in sorted(standing.postures):
        if name not in place.postures:
            parts.append(f'@id("fault/{name}")\nforbid ({_ANY});\n')
            continue
        posture = f'Posture::"{name}"'
        here = f"({posture}.everywhere || resource.anywhere || {posture}.areas.containsAny(resource.areas))"
        words = {"name": name, "p": posture, "here": here, "any": _ANY}
        parts.append(_POSTURE.format(**words))
        parts += [_POSTURE_WAY.format(**words, **_words(recipient, flow)) for recipient, flow in _ways(place)]
    return "\n".join(parts)


def _words(recipient: str, flow: str) -> dict[str, str]:
    f = f'Flow::"{flow}"'
    return {
        "recipient": recipient,
        "flow": flow,
        "f": f,
        "a": f"{f}.agreement",
        "w": f'Way::"{recipient}/{flow}"',
        "who": f'principal == Recipient::"{recipient}", action == Action::"release", resource is Dataset',
        "carried": f"{f}.datasets.contains(resource) && context.purpose == {f}.purpose",
        "flow_over": _over(f),
        "agreement_over": _over(f"{f}.agreement"),
        "agreement_run": _over(f"{f}.agreement", "runs_from", "runs_to"),
        "open": _OPEN,
    }


def _over(of: str, first: str = "starts", last: str = "ends") -> str:
    return f"{of} has {first} && context.at < {of}.{first} || {of} has {last} && context.at >= {of}.{last}"


def request_of(request: Request) -> dict[str, Any]:
    """A request as Cedar is asked it."""
    return {
        "principal": f'Recipient::"{request.recipient}"',
        "action": 'Action::"release"',
        "resource": f'Dataset::"{request.dataset}"',
        "context": {"purpose": request.purpose, "origin": request.origin, "at": request.at},
    }


# --- entities


def entities_of(place: Place, standing: Standing, today: date, zone: tzinfo) -> list[dict[str, Any]]:
    """The declaration and its standing as Cedar entities, in the declaration's order. Arguments as of `compile_table`."""
    return [
        *_recipients(place, standing, zone),
        *_datasets(place, zone),
        *_agreements(place, standing, zone),
        *_flows(place, zone),
        *_way_entities(place, standing, today),
        *_postures(place),
    ]


def _entity(kind: str, name: str, **attributes: Any) -> dict[str, Any]:
    return {"uid": {"type": kind, "id": name}, "attrs": attributes, "parents": []}


def _ref(kind: str, name: str) -> dict[str, Any]:
    return {"__entity": {"type": kind, "id": name}}


def _refs(kind: str, names: Iterable[str]) -> list[dict[str, Any]]:
    return [_ref(kind, name) for name in sorted(set(names))]


def _recipients(place: Place, standing: Standing, zone: tzinfo) -> Iterator[dict[str, Any]]:
    for name, recipient in place.recipients.items():
        yield _entity(
            "Recipient",
            name,
            party=_ref("Party", recipient.party),
            addresses=len(recipient.addresses),
            revoked=name in standing.revoked,
            **_days("starts", "ends", recipient.valid_from, recipient.valid_to, zone),
        )


def _datasets(place: Place, zone: tzinfo) -> Iterator[dict[str, Any]]:
    inside = _inside(place)
    for name, dataset in place.datasets.items():
        areas = _areas(place, name)
        yield _entity(
            "Dataset",
            name,
            personal=dataset.personal,
            special=dataset.special,
            has_basis=dataset.basis is not None,
            has_special_basis=dataset.special_basis.strip() != "",
            sensitivity=dataset.sensitivity,
            lists=len(dataset.allowed_jurisdictions) > 0,
            allowed=_refs("Jurisdiction", (part for land in dataset.allowed_jurisdictions for part in inside[land])),
            areas=sorted(area for area in areas if area is not None),
            anywhere=not areas or None in areas,
            **_held(dataset, zone),
        )


def _inside(place: Place) -> dict[str, set[str]]:
    """Jurisdiction -> itself and all that lie in it: by steps downwards until nothing is new."""
    found: dict[str, set[str]] = {}
    for name in place.jurisdictions:
        inside, fresh = {name}, {name}
        while fresh:
            below = {member for land in fresh for member in place.jurisdictions[land].members}
            below |= {part for part, land in place.jurisdictions.items() if land.parent in fresh}
            fresh = (below & place.jurisdictions.keys()) - inside
            inside |= fresh
        found[name] = inside
    return found


def _areas(place: Place, dataset: str) -> set[str | None]:
    """Where a dataset is measured; None: perhaps anywhere."""
    found: set[str | None] = set()
    for flow in place.flows.values():
        if dataset not in flow.datasets or flow.from_ == place.platform:
            continue
        units = [
            area
            for name, device in place.devices.items()
            for unit, _, area in members(name, device)
            if flow.from_ in (name, unit)
        ]
        found |= {area or None for area in units} if units else {None}
    return found


def _agreements(place: Place, standing: Standing, zone: tzinfo) -> Iterator[dict[str, Any]]:
    for name, agreement in place.agreements.items():
        yield _entity(
            "Agreement",
            name,
            parties=_refs("Party", agreement.parties),
            datasets=_refs("Dataset", agreement.datasets),
            purposes=sorted(set(agreement.purposes)),
            pending=name in standing.pending,
            **_days("runs_from", "runs_to", agreement.starts, agreement.ends, zone),
            **_held(agreement, zone),
        )


def _flows(place: Place, zone: tzinfo) -> Iterator[dict[str, Any]]:
    for name, flow in place.flows.items():
        receiver = place.systems[flow.to].operator if flow.to in place.systems else flow.to
        more: dict[str, Any] = {"receiver": _ref("Party", receiver)} if receiver in place.parties else {}
        if flow.agreement in place.agreements:
            more["agreement"] = _ref("Agreement", str(flow.agreement))
        yield _entity(
            "Flow",
            name,
            from_platform=place.platform is not None and flow.from_ == place.platform,
            enforced=flow.observability.value == "enforced",
            datasets=_refs("Dataset", flow.datasets),
            purpose=flow.purpose,
            **more,
            **_held(flow, zone),
        )


def _postures(place: Place) -> Iterator[dict[str, Any]]:
    inside = _inside(place)
    for name, posture in place.postures.items():
        yield _entity(
            "Posture",
            name,
            everywhere=not posture.areas,
            areas=sorted(set(posture.areas)),
            datasets=_refs("Dataset", posture.stop_datasets),
            parties=_refs("Party", posture.stop_parties),
            purposes=sorted(set(posture.stop_purposes)),
            sensitivity=sorted(set(posture.stop_sensitivity)),
            jurisdictions=_refs("Jurisdiction", (part for land in posture.stop_jurisdictions for part in inside[land])),
            asks_where=len(posture.stop_jurisdictions) > 0,
        )


def _held(record: Record, zone: tzinfo) -> dict[str, int]:
    return _days("starts", "ends", record.valid_from, record.valid_to, zone)


def _days(first: str, last: str, begins: date | None, ends: date | None, zone: tzinfo) -> dict[str, int]:
    found = {} if begins is None else {first: _us(begins, zone)}
    return found if ends is None or ends == date.max else found | {last: _us(ends + timedelta(days=1), zone)}


def _us(day: date, zone: tzinfo) -> int:
    return round(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) * 1_000_000


# --- where a copy would stand


def _ways(place: Place) -> list[tuple[str, str]]:
    return [
        (name, flow)
        for name, one in place.recipients.items()
        for flow in dict.fromkeys(one.flows)
        if flow in place.flows
    ]


def _way_entities(place: Place, standing: Standing, today: date) -> Iterator[dict[str, Any]]:
    for recipient, flow in _ways(place):
        counted = [*_beside(place, recipient, flow, today), *_by_power(place, standing.lands, recipient, flow)]
        known = [(land, sure) for land, sure in counted if land != "unknown"]
        yield _entity(
            "Way",
            f"{recipient}/{flow}",
            certain=_refs("Jurisdiction", (land for land, sure in known if sure)),
            possible=_refs("Jurisdiction", (land for land, sure in known if not sure)),
            unknown=len(known) < len(counted),
        )


_Lands = Mapping[str, tuple[frozenset[str], frozenset[str]]]


def _beside(place: Place, recipient: str, flow_id: str, today: date) -> Iterator[tuple[str, bool]]:
    """(jurisdiction or `unknown`, whether for certain) of where the copy is put, lies, or passes in the clear."""
    flow = place.flows[flow_id]
    yield place.recipients[recipient].jurisdiction, True
    sites = [place.systems[flow.to].site] if flow.to in place.systems else []
    agreement = place.agreements.get(flow.agreement or "")
    sites += agreement.sites if agreement else ()
    for name in sites:
        site = place.sites.get(name)
        gone = site is None or (site.valid_from or date.min) > today or (site.valid_to or date.max) < today
        yield "unknown" if gone or site is None else site.jurisdiction, True
    if flow.protection.value in ("none", "unknown"):
        hops = ("unknown",) if flow.route == "unknown" else flow.route
        yield from ((hop, flow.protection.value == "none") for hop in hops if hop not in place.parties)


def _by_power(place: Place, lands: _Lands, recipient: str, flow_id: str) -> Iterator[tuple[str, bool]]:
    """Likewise of who has power over the party, over those it may hand work to, and over the parties of an open route."""
    flow, party = place.flows[flow_id], place.recipients[recipient].party
    agreement = place.agreements.get(flow.agreement or "")
    over = [(party, True)]
    if flow.protection.value in ("none", "unknown") and flow.route != "unknown":
        over += [(hop, flow.protection.value == "none") for hop in flow.route if hop in place.parties]
    for name, sure in over:
        certain, possible = lands.get(name, (frozenset({"unknown"}), frozenset[str]()))
        yield from ((land, sure) for land in certain)
        yield from ((land, False) for land in possible)
    others = place.parties[party].subprocessors if party in place.parties else "unknown"
    if agreement is not None and agreement.subcontracting == "forbidden":
        return
    for other in ("unknown",) if others == "unknown" else others:
        certain, possible = lands.get(other, (frozenset({"unknown"}), frozenset[str]()))
        yield from ((land, False) for land in certain | possible)
