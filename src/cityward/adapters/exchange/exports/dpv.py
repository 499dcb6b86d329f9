"""The register of transfers of personal data across borders, as JSON-LD in the Data Privacy Vocabulary 2.

An entry is a flow of personal data, or an access to a thing that holds some, where a border is crossed or where that cannot be
said. Two axes are judged apart (`crossing`): *by party* (where sender and recipient are incorporated) and *by place* (where the
things stand, what the flow passes, where the access is used from). Each is `yes`, `no` or `unknown`; an unknown one names the
facts that are missing.

INVARIANTS
- Every flow of personal data and every access to some is an entry, or is counted among those that cross no border.
- An agreement is told as what it is; whether it carries the transfer in law is a judgement, and not made here.

Source: DPV 2.2 (W3C Data Privacy Vocabularies and Controls Community Group, 2025) with its extensions `pd` and `loc`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from cityward.adapters.exchange.exports.contract import Format, Subject
from cityward.adapters.exchange.exports.crossing import Borders, Crossing, Judged
from cityward.adapters.exchange.exports.ends import Ends, ends_of, route_words
from cityward.adapters.exchange.exports.texts import as_json, iri_part, stamp
from cityward.place.data import Protection
from cityward.place.parties import JurisdictionKind
from cityward.place.record import UNKNOWN, Record

FORMAT = Format("dpv", "DPV 2 JSON-LD: transfers of personal data", ".jsonld", "application/ld+json", ("at",))

VOCABULARIES = {
    "dpv": "https://w3id.org/dpv#",
    "pd": "https://w3id.org/dpv/pd#",
    "loc": "https://w3id.org/dpv/loc#",
    "dct": "http://purl.org/dc/terms/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "cw": "urn:cityward:terms:",
}
NOT_KNOWN = {"@id": "cw:unknown"}
"""Said to be unknown, or to be found nowhere in the declaration: never an empty value, which would read as "none"."""
NOT_DECLARED = {"@id": "cw:not-declared"}

_TERM = re.compile(r"(dpv|pd):[A-Za-z][A-Za-z0-9-]{0,80}")
_USER_ASSIGNED = re.compile(r"(AA|Q[M-Z]|X[A-Z]|ZZ)(-|$)")  # ISO 3166-1: for whoever needs a code of their own
_UNIONS = frozenset({"EU", "EEA"})  # the blocs that `loc` has
_MEASURES = {
    Protection.NONE: (),
    Protection.TLS: ("dpv:EncryptionInTransfer",),
    Protection.MUTUAL_TLS: ("dpv:EncryptionInTransfer", "dpv:CryptographicAuthentication"),
    Protection.END_TO_END: ("dpv:EndToEndEncryption",),
}


def write(subject: Subject) -> bytes:
    """The register: the record itself, its entries, then whatever they name."""
    place = subject.loaded.place
    register = _Register(subject, ends_of(place))
    flows = [register.flow(name) for name in place.flows]
    accesses = [register.access(name) for name in place.accesses]
    entries = [entry for entry in (*flows, *accesses) if entry]
    head = register.head(entries)
    graph = [head, *entries, *register.named()]
    return as_json({"@context": {**VOCABULARIES, "place": f"urn:cityward:{place.place}:"}, "@graph": graph})


@dataclass(slots=True)
class _Register:
    """Makes entries, and remembers what they name so that each is described once."""

    subject: Subject
    ends: Ends
    uses: dict[tuple[str, str], None] = field(default_factory=dict[tuple[str, str], None])
    within: dict[str, int] = field(default_factory=lambda: {"flows": 0, "accesses": 0})

    # --- entries

    def flow(self, name: str) -> dict[str, Any] | None:
        """The entry of a flow; None where it carries nothing personal, or surely crosses no border."""
        flow, borders = self.subject.loaded.place.flows[name], Borders(self.ends)
        personal = self.ends.personal(flow.datasets)
        if not personal:
            return None
        by_party, by_place = borders.flow_by_party(flow), borders.flow_by_place(name, flow)
        if not self._enters("flows", by_party, by_place):
            return None
        passes = route_words(self.subject.loaded.place, flow)
        return {
            "@id": f"place:flow.{name}",
            "@type": [_type(by_party, by_place)],
            "dct:title": flow.name or name,
            "dpv:hasDataExporter": self._party(self.ends.party(flow.from_)),
            "dpv:hasDataImporter": self._party(self.ends.party(flow.to)),
            "dpv:hasPurpose": self._use("purpose", flow.purpose),
            **self._about(personal),
            "dpv:hasLegalBasis": self._agreement(flow.agreement),
            "dpv:hasTechnicalMeasure": _measures(flow.protection) + self._sealed((name, *personal)),
            "cw:protection": flow.protection.value,
            **({"cw:route": list(passes)} if passes else {}),
            **self._borders(by_party, by_place),
            "cw:declaredAt": self.subject.loaded.where(f"flows.{name}").split()[0],
        }

    def access(self, name: str) -> dict[str, Any] | None:
        """The entry of an access; None where it shows nothing personal, is for billing alone, or surely crosses no border."""
        access, borders = self.subject.loaded.place.accesses[name], Borders(self.ends)
        personal = self.ends.personal(borders.held(access.target))
        if not personal or set(access.modes) == {"billing"}:
            return None
        by_party, by_place = borders.access_by_party(access), borders.access_by_place(name, access)
        if not self._enters("accesses", by_party, by_place):
            return None
        holders = dict.fromkeys(self.ends.party(thing) for thing in borders.holders(access.target))
        return {
            "@id": f"place:access.{name}",
            "@type": [_type(by_party, by_place), "dpv:Access"],
            "dct:title": access.name or name,
            "dpv:hasDataExporter": [self._party(party) for party in holders],
            "dpv:hasDataImporter": self._party(access.party),
            "dpv:hasPurpose": self._purposes(access.agreement),
            **self._about(personal),
            "dpv:hasLegalBasis": self._agreement(access.agreement),
            "dpv:hasTechnicalMeasure": self._sealed((access.target, *personal)),
            "cw:modes": list(access.modes),
            "cw:standing": access.standing,
            **self._borders(by_party, by_place),
            "cw:declaredAt": self.subject.loaded.where(f"accesses.{name}").split()[0],
        }

    def head(self, entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """The record as a whole, with the counts of what is not in it."""
        place, at = self.subject.loaded.place, self.subject.at
        return {
            "@id": "place:transfers",
            "@type": "dpv:DataTransferRecord",
            "dct:title": f"Transfers of personal data: {place.name}",
            "dct:identifier": self.subject.loaded.digest,
            "dct:publisher": self._party(place.responsible),
            **({"dct:created": stamp(at)} if at else {}),
            "cw:flowsWithinOneJurisdiction": self.within["flows"],
            "cw:accessesWithinOneJurisdiction": self.within["accesses"],
            "dct:hasPart": [{"@id": entry["@id"]} for entry in entries],
        }

    def _enters(self, kind: str, *axes: Judged) -> bool:
        enters = any(axis.crossing is not Crossing.NO for axis in axes)
        self.within[kind] += not enters
        return enters

    def _borders(self, by_party: Judged, by_place: Judged) -> dict[str, Any]:
        missing = (*by_party.missing, *by_place.missing)
        return {
            "dpv:hasJurisdiction": self._states(by_party),
            "dpv:hasLocation": self._states(by_place),
            "cw:crossesByParty": by_party.crossing.value,
            "cw:crossesByPlace": by_place.crossing.value,
            **({"cw:missingFact": list(missing)} if missing else {}),
        }

    def _states(self, axis: Judged) -> list[dict[str, str]]:
        states = [self._jurisdiction(state) for state in axis.states]
        return [*states, NOT_KNOWN] if any(stop.states is None for stop in axis.stops) else states

    def _about(self, personal: Iterable[str]) -> dict[str, Any]:
        names = list(personal)
        subjects = dict.fromkeys(who for name in names for who in self.subject.loaded.place.datasets[name].subjects)
        return {
            "dpv:hasPersonalData": [self._use("dataset", name) for name in names],
            "dpv:hasDataSubject": [self._use("subject", who) for who in subjects] or [NOT_DECLARED],
        }

    def _purposes(self, agreement: str | None) -> Any:
        named = self.subject.loaded.place.agreements[agreement].purposes if agreement else ()
        return [self._use("purpose", name) for name in named] or NOT_DECLARED

    def _sealed(self, names: Iterable[str]) -> list[dict[str, str]]:
        """The keys that protect any of what is named."""
        wanted = set(names)
        keys = self.subject.loaded.place.keys
        return [self._use("key", name) for name, key in keys.items() if wanted.intersection(key.protects)]

    # --- what entries name

    def _use(self, kind: str, name: str) -> dict[str, str]:
        self.uses.setdefault((kind, name))
        if _TERM.fullmatch(name):
            return {"@id": name}
        return {"@id": f"place:{kind}.{iri_part(name)}"}

    def _party(self, party: str) -> dict[str, str]:
        return NOT_KNOWN if party == UNKNOWN else self._use("party", party)

    def _agreement(self, agreement: str | None) -> dict[str, str]:
        return self._use("agreement", agreement) if agreement else NOT_DECLARED

    def _jurisdiction(self, name: str) -> dict[str, str]:
        if name == UNKNOWN:
            return NOT_KNOWN
        self.uses.setdefault(("jurisdiction", name))
        return {"@id": self._place_iri(name)}

    def _place_iri(self, name: str) -> str:
        record = self.subject.loaded.place.jurisdictions[name]
        bloc = record.kind is JurisdictionKind.BLOC
        listed = record.code in _UNIONS if bloc else not _USER_ASSIGNED.match(record.code)
        return f"loc:{record.code}" if listed else f"place:jurisdiction.{name}"

    def named(self) -> list[dict[str, Any]]:
        """What the entries name, each once. Describing one may name more, which is described too."""
        told: list[dict[str, Any]] = []
        done: dict[tuple[str, str], None] = {}
        while new := [use for use in self.uses if use not in done]:
            done.update(dict.fromkeys(new))
            told += [self._describe(kind, name) for kind, name in new if not _TERM.fullmatch(name)]
        return told

    def _describe(self, kind: str, name: str) -> dict[str, Any]:
        describe = {
            "party": self._of_party,
            "dataset": self._of_dataset,
            "purpose": self._of_purpose,
            "agreement": self._of_agreement,
            "key": self._of_key,
            "jurisdiction": self._of_jurisdiction,
        }.get(kind)
        if describe:
            return describe(name)
        type_ = {"subject": "dpv:DataSubject", "category": "dpv:PersonalData"}[kind]
        return {"@id": f"place:{kind}.{iri_part(name)}", "@type": type_, "skos:prefLabel": name}

    def _of_party(self, name: str) -> dict[str, Any]:
        party = self.subject.loaded.place.parties[name]
        return {
            **_labelled("party", name, party, "dpv:LegalEntity"),
            "dpv:hasJurisdiction": self._jurisdiction(party.incorporated_in),
        }

    def _of_dataset(self, name: str) -> dict[str, Any]:
        dataset = self.subject.loaded.place.datasets[name]
        return {
            **_labelled("dataset", name, dataset, "dpv:PersonalData"),
            "skos:broader": [self._use("category", category) for category in dataset.categories] or [NOT_DECLARED],
            "cw:sensitivity": dataset.sensitivity,
            "cw:retentionDays": dataset.retention_days,
            "cw:allowedJurisdiction": [self._jurisdiction(j) for j in dataset.allowed_jurisdictions],
        }

    def _of_purpose(self, name: str) -> dict[str, Any]:
        purpose = self.subject.loaded.place.purposes[name]
        term = purpose.dpv or ""
        broader = {"skos:broader": {"@id": term}} if _TERM.fullmatch(term) else {}
        return {**_labelled("purpose", name, purpose, "dpv:Purpose"), **broader}

    def _of_agreement(self, name: str) -> dict[str, Any]:
        agreement = self.subject.loaded.place.agreements[name]
        type_ = "dpv:DataProcessingAgreement" if agreement.kind == "processing" else "dpv:Contract"
        dates = {"cw:starts": agreement.starts, "cw:ends": agreement.ends}
        return {
            **_labelled("agreement", name, agreement, type_),
            "cw:kind": agreement.kind,
            "cw:party": [self._party(party) for party in agreement.parties],
            "cw:subcontracting": agreement.subcontracting,
            **{key: day.isoformat() for key, day in dates.items() if day},
        }

    def _of_key(self, name: str) -> dict[str, Any]:
        key = self.subject.loaded.place.keys[name]
        type_ = {"at-rest": "dpv:EncryptionAtRest", "in-transit": "dpv:EncryptionInTransfer"}.get(key.kind)
        type_ = type_ or ("dpv:EndToEndEncryption" if key.kind == "end-to-end" else "dpv:DigitalSignatures")
        return {**_labelled("key", name, key, type_), "cw:keyHolder": self._party(key.holder)}

    def _of_jurisdiction(self, name: str) -> dict[str, Any]:
        record = self.subject.loaded.place.jurisdictions[name]
        kinds = {JurisdictionKind.STATE: "dpv:Country", JurisdictionKind.SUBDIVISION: "dpv:Region"}
        return {
            "@id": self._place_iri(name),
            "@type": kinds.get(record.kind, "dpv:Jurisdiction"),
            "skos:prefLabel": record.name or name,
            "skos:notation": record.code,
        }


def _type(by_party: Judged, by_place: Judged) -> str:
    crosses = Crossing.YES in (by_party.crossing, by_place.crossing)
    return "dpv:CrossBorderTransfer" if crosses else "dpv:Transfer"


def _measures(protection: Protection) -> list[dict[str, str]]:
    if protection is Protection.UNKNOWN:
        return [NOT_KNOWN]
    return [{"@id": term} for term in _MEASURES[protection]]


def _labelled(kind: str, name: str, record: Record, type_: str) -> dict[str, Any]:
    return {"@id": f"place:{kind}.{name}", "@type": type_, "skos:prefLabel": record.name or name}
