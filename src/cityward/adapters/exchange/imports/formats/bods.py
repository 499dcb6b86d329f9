"""Beneficial Ownership Data Standard 0.4, also 0.2 and 0.3 (a JSON array, one statement, or JSON lines).

| BODS | here |
|---|---|
| entity: registered, legal | party `company` |
| entity: state; state body; arrangement | party `state`; `public-body`; `group` |
| entity: anonymous, unknown | party `group` |
| person | party `group` numbered in the order of the file: **no name, address, birth date, nationality or identifier is read** |
| jurisdiction | jurisdiction (state or subdivision), `incorporated_in` |
| identifiers of an entity | `ids` |
| interest | owner with a mechanism, see `MECHANISMS`; an economic right alone is no control and is told as not carried over |
| share: exact | `share` |
| share: a range | its lower end where control does not hang on it (at least 50, or all below 50), else left out; noted |
| no interested party can be named | owners `unknown`; beside named owners a party that stands for it |
| no relationship about an entity at all | owners `unknown` |
| no beneficial owners; a state | no owner, the former noted |
| indirect interest with its components | told by the components |
| closed records, interests that ended | left out and counted |

Evidence is `registry`, or `declared` where the only source is the subject's own word.

INVARIANT: nothing that identifies a natural person leaves this module.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cityward.adapters.exchange.imports.contract import File, refusal
from cityward.adapters.exchange.imports.documents import read_json, read_lines
from cityward.adapters.exchange.imports.draft import UNKNOWN_PARTY, Draft, sentences
from cityward.adapters.exchange.imports.fields import Fields, as_date, as_map, as_text, spellings, squash
from cityward.guard.reasons import Reason
from cityward.place.record import UNKNOWN

FORMAT = "bods"
TITLE = "Beneficial Ownership Data Standard (JSON, JSON lines)"

MECHANISMS = {
    squash(word): mechanism
    for mechanism, words in {
        "ownership": "shareholding",
        "voting": "votingRights voting-rights",
        "appointment": "appointmentOfBoard appointment-of-board",
        "management": "seniorManagingOfficial senior-managing-official",
        "contractual": "otherInfluenceOrControl controlViaCompanyRulesOrArticles rightsGrantedByContract "
        "conditionalRightsGrantedByContract influence-or-control unknownInterest unpublishedInterest",
        "trust": "settlor trustee protector beneficiaryOfLegalArrangement settlor-of-trust trustee-of-trust protector-of-trust "
        "beneficiary-of-trust other-influence-or-control-of-trust",
        "nominee": "nominee nominator",
        "state": "controlByLegalFramework",
    }.items()
    for word in words.split()
}
"""type of interest -> mechanism. `contractual`, `trust` and `nominee` only ever make control possible (docs/reach.md)."""

ECONOMIC = spellings(
    """rightsToSurplusAssetsOnDissolution rightsToProfitOrIncome enjoymentAndUseOfAssets rightToProfitOrIncomeFromAssets
        rightsToProfitOrIncomeFromAssets"""
)
SEATS = frozenset({"boardmember", "boardchair"})

KINDS = {
    "registeredentity": "company", "legalentity": "company", "state": "state", "statebody": "public-body",
    "arrangement": "group", "anonymousentity": "group", "unknownentity": "group",
}  # fmt: skip
HIDDEN = frozenset({"anonymousentity", "unknownentity", "anonymousperson", "unknownperson"})
TYPES = {
    "entity": "entity", "person": "person", "relationship": "relationship", "entitystatement": "entity",
    "personstatement": "person", "ownershiporcontrolstatement": "relationship",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Statement:
    """One statement; of a record told several times the last one counts."""

    where: str
    kind: str
    key: str  # the record's id
    details: dict[str, object]
    date: str
    closed: bool
    evidence: str
    source: str


@dataclass(frozen=True, slots=True)
class _Stake:
    owner: str
    mechanism: str
    share: float | None
    direct: bool


def read(files: Sequence[File], draft: Draft) -> None:
    """Fill the draft from statements.

    Raises:
        DecodeError: a file holds no statements, or cannot be read.
    """
    draft.source, draft.evidence = "BODS", "registry"
    register = _Register(draft)
    for file in files:
        for where, value in _values(file):
            register.take(where, value)
    register.read()


def _values(file: File) -> Iterator[tuple[str, object]]:
    """(where, statement): the elements of an array, one object, or lines."""
    start = file.raw[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
    if start[:1] == b"[":
        value = read_json(file)
        yield from ((f"{file.name}[{i}]", item) for i, item in enumerate(value if isinstance(value, list) else []))
    elif start[:1] == b"{":
        yield from _objects(file)
    else:
        mend = "name a file of BODS statements: a JSON array, or one statement on each line"
        raise refusal(Reason.WRONG_SHAPE, "the file begins with neither `[` nor `{`", file.name, mend)


def _objects(file: File) -> Iterator[tuple[str, object]]:
    first = file.raw.partition(b"\n")[0].rstrip()
    if not first.endswith(b"}"):  # an object over several lines
        value = read_json(file)
        statements = Fields(value, file.name).list("statements") or [value]
        yield from ((f"{file.name}[{i}]", item) for i, item in enumerate(statements))
        return
    yield from ((f"{file.name}:{line}", value) for line, value in read_lines(file))


class _Register:
    """The statements of all files, then the parties they tell of."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.statements: dict[tuple[str, str], _Statement] = {}
        self.latest = ""
        self.parties: dict[str, str] = {}  # their id -> ours
        self.told: set[str] = (
            set()
        )  # parties that have no owners: natural persons, states, and where the register says so
        self.stakes: dict[str, list[_Stake]] = defaultdict(list)
        self.unnamed: dict[str, list[str]] = defaultdict(list)  # subject -> why an owner has no name
        self.ranges: dict[str, list[str]] = defaultdict(list)
        self.people = 0

    def take(self, where: str, value: object) -> None:
        """Keep a statement, in place of an older one about the same record."""
        fields = Fields(value, where)
        kind = TYPES.get(squash(fields.text("recordType") or fields.text("statementType")))
        if kind is None:
            what = fields.text("recordType") or fields.text("statementType") or as_text(value) or "a statement"
            self.draft.lose(where, what, "neither an entity, nor a person, nor a relationship")
            return
        old = not fields.text("recordType")
        details = as_map(value) if old else fields.map("recordDetails")
        key = fields.text("recordId") or fields.text("statementId")
        day = as_date(fields.get("statementDate")) or ""
        published = as_date(fields.map("publicationDetails").get("publicationDate")) or ""
        self.latest = max(self.latest, day, published)
        evidence, source = _source(fields, day or published)
        closed = squash(fields.text("recordStatus")) == "closed"
        statement = _Statement(where, kind, key or where, details, day, closed, evidence, source)
        known = self.statements.get((kind, statement.key))
        if known is None or known.date <= day:
            self.statements.pop((kind, statement.key), None)
            self.statements[kind, statement.key] = statement
        for replaced in fields.texts("replacesStatements"):
            self.statements.pop((kind, replaced), None)

    def read(self) -> None:
        """Carry everything over: parties first."""
        open_ones = [s for s in self.statements.values() if not s.closed]
        self.draft.leave("closed records", "they no longer hold", len(self.statements) - len(open_ones))
        for statement in open_ones:
            if statement.kind != "relationship":
                self._party(statement)
        for statement in open_ones:
            if statement.kind == "relationship":
                self._relationship(statement)
        for name in list(self.draft.records("parties")):
            self._owners(name)

    # --- parties

    def _party(self, statement: _Statement) -> None:
        fields = Fields(statement.details, statement.where)
        person = statement.kind == "person"
        told = fields.get("personType") if person else fields.get("entityType")
        word = as_text(as_map(told).get("type")) or as_text(told)
        record = self._person(word) if person else self._entity(fields, word)
        title = str(record["name"]) if person else str(record["name"] or statement.key)
        name = self.draft.names.give("parties", statement.key, title)
        record |= {"evidence": statement.evidence, "source": statement.source}
        self.draft.put("parties", name, record)
        self.parties.setdefault(statement.key, name)
        if (person and squash(word) not in HIDDEN) or record["kind"] == "state":
            self.told.add(name)
        if not person and squash(word) not in KINDS:
            self.draft.lose(f"{statement.where}.entityType", word, "no type of entity of BODS; imported as `company`")
            self.draft.assume("parties", name, "kind", "the type of entity is not known")

    def _person(self, word: str) -> dict[str, object]:
        """SECURITY: the details of a person are not even passed here."""
        self.people += 1
        self.draft.note("Natural persons are numbered, not named; nothing that identifies one was read.")
        unnamed = " whose identity the register does not give" if squash(word) in HIDDEN else ""
        return {
            "name": f"Natural person {self.people}",
            "note": f"A natural person{unnamed}.",
            "kind": "group",
            "incorporated_in": UNKNOWN,
        }

    def _entity(self, fields: Fields, word: str) -> dict[str, object]:
        place = fields.map("jurisdiction") or fields.map("incorporatedInJurisdiction")
        code = as_text(place.get("code"))
        jurisdiction = self.draft.jurisdiction(code, as_text(place.get("name"))) if code else None
        if code and jurisdiction is None:
            self.draft.lose(f"{fields.where}.jurisdiction", code, "no ISO 3166 code; `incorporated_in` is unknown")
        ids: dict[str, str] = {}
        for item in fields.list("identifiers"):
            scheme = as_text(as_map(item).get("scheme"), 100) or as_text(as_map(item).get("schemeName"), 100)
            number = as_text(as_map(item).get("id"), 200)
            if scheme and number:
                ids.setdefault("lei" if scheme.upper() == "XI-LEI" else scheme, number)
        return {
            "name": fields.text("name"),
            "kind": KINDS.get(squash(word), "company"),
            "incorporated_in": jurisdiction or UNKNOWN,
            "subprocessors": UNKNOWN,
            "ids": ids,
            "valid_to": as_date(fields.get("dissolutionDate")),
        }

    # --- relationships

    def _relationship(self, statement: _Statement) -> None:
        fields = Fields(statement.details, statement.where)
        if self._told_by_components(statement):
            self.draft.leave("indirect relationships", "told by the relationships they are made of")
            return
        subject = self._named(fields.get("subject"))
        if subject is None:
            self.draft.lose(f"{statement.where}.subject", "", "it names no entity of the file")
            return
        owner = self._named(fields.get("interestedParty"))
        if owner is not None:
            self._interests(fields, subject, owner)
            return
        told = as_map(fields.get("interestedParty"))
        reason = as_text(told.get("reason")) or as_text(as_map(told.get("unspecified")).get("reason"))
        if squash(reason) == "nobeneficialowners":
            self.told.add(subject)
            self.ranges[subject].append("The register says that there are no beneficial owners.")
        else:
            if not reason:
                self.draft.lose(
                    f"{statement.where}.interestedParty", "", "it names no party of the file: owner unknown"
                )
            self.unnamed[subject].append(reason or "not in the file")

    def _told_by_components(self, statement: _Statement) -> bool:
        """Whether all the statements an indirect relationship is made of are here, a relationship among them."""
        kinds = [
            {kind for kind in ("relationship", "entity", "person") if (kind, key) in self.statements}
            for key in _components(statement)
        ]
        return all(kinds) and any("relationship" in found for found in kinds)

    def _named(self, value: object) -> str | None:
        """The party a subject or interested party refers to, in the form of 0.4 or of 0.2."""
        told = as_map(value)
        keys = (
            as_text(value),
            as_text(told.get("describedByEntityStatement")),
            as_text(told.get("describedByPersonStatement")),
        )
        return next((self.parties[key] for key in keys if key in self.parties), None)

    def _interests(self, fields: Fields, subject: str, owner: str) -> None:
        interests = fields.list("interests")
        if not interests:
            self.stakes[subject].append(_Stake(owner, "contractual", None, True))
            self.ranges[subject].append(f"The interest of {owner} is not stated.")
        for i, item in enumerate(interests):
            self._interest(Fields(item, f"{fields.where}.interests[{i}]"), subject, owner)

    def _interest(self, interest: Fields, subject: str, owner: str) -> None:
        word, ended = interest.text("type"), as_date(interest.get("endDate"))
        if ended is not None and ended <= self.latest:
            self.draft.leave("interests[]", "they have ended")
        elif squash(word) in ECONOMIC:
            self.draft.lose(interest.where, word, "an economic right, which is no control")
        elif squash(word) in SEATS:
            self.draft.lose(interest.where, word, "a seat on a board, which is no control of the whole")
        else:
            mechanism = MECHANISMS.get(squash(word))
            if mechanism is None:
                self.draft.lose(
                    f"{interest.where}.type", word, "no type of interest of BODS; imported as `contractual`"
                )
            if mechanism == "state" and self.draft.get("parties", owner)["kind"] not in ("state", "public-body"):
                mechanism = "contractual"
            share = self._share(interest, subject, owner, mechanism or "contractual")
            direct = squash(interest.text("directOrIndirect") or interest.text("interestLevel")) != "indirect"
            self.stakes[subject].append(_Stake(owner, mechanism or "contractual", share, direct))

    def _share(self, interest: Fields, subject: str, owner: str, mechanism: str) -> float | None:
        share = Fields(interest.get("share"), interest.where)
        exact = share.number("exact")
        low = next((n for n in (share.number("minimum"), share.number("exclusiveMinimum")) if n is not None), None)
        high = next((n for n in (share.number("maximum"), share.number("exclusiveMaximum")) if n is not None), None)
        if exact is None and low is not None and low == high:
            exact = low
        if exact is not None and 0 <= exact <= 100:
            return exact
        if low is None and high is None:
            return None
        if not 0 <= (low or 0.0) <= (100.0 if high is None else high) <= 100:
            self.draft.lose(
                f"{interest.where}.share", f"{low} to {high}", "no range of per cent; the share is left out"
            )
            return None
        self.ranges[subject].append(f"{owner}: {low or 0:g} to {100 if high is None else high:g} % by {mechanism}.")
        return share_of(low or 0.0, 100.0 if high is None else high)

    # --- owners

    def _owners(self, name: str) -> None:
        record = self.draft.get("parties", name)
        stakes, reasons = self.stakes.get(name, []), self.unnamed.get(name, [])
        if reasons and stakes:
            stakes = [*stakes, self._stand_in(name, reasons)]
        if stakes:
            record["owners"] = [_owner(stake) for stake in self._summed(name, stakes)]
        elif reasons or name not in self.told:
            record["owners"] = UNKNOWN
        told = [*self.ranges.get(name, []), *(f"An owner is not named: {reason}." for reason in dict.fromkeys(reasons))]
        if told:
            record["note"] = sentences(record.get("note", ""), *dict.fromkeys(told))

    def _stand_in(self, name: str, reasons: list[str]) -> _Stake:
        """A party for the owners that are not named, so that those that are stay."""
        owner = self.draft.names.give("parties", f"unnamed owner of {name}", f"unnamed-owner-of-{name}")
        record = {"name": f"Unnamed owner of {name}", "kind": "group", **UNKNOWN_PARTY}
        self.draft.put("parties", owner, {**record, "note": f"Not named: {', '.join(dict.fromkeys(reasons))}."})
        return _Stake(owner, "ownership", None, True)

    def _summed(self, name: str, stakes: list[_Stake]) -> list[_Stake]:
        """Shares that add up: where those of one kind exceed 100, the indirect ones count what others count already."""
        for mechanism in dict.fromkeys(stake.mechanism for stake in stakes):
            for only_indirect in (True, False):
                if sum(s.share or 0.0 for s in stakes if s.mechanism == mechanism) <= 100.0 + 1e-6:
                    break
                where = f"parties.{name}.owners"
                what = "indirect shares" if only_indirect else "all shares"
                self.draft.lose(where, what, f"the shares by `{mechanism}` add up to more than 100 %; left out")
                stakes = [
                    _Stake(s.owner, s.mechanism, None, s.direct)
                    if s.mechanism == mechanism and not (only_indirect and s.direct)
                    else s
                    for s in stakes
                ]
        return stakes


def share_of(low: float, high: float) -> float | None:
    """The share to write for a range, in per cent.

    The lower end is what is certain. It is written where the question of control does not hang on the rest: at least half, or
    less than half in any case. Else nothing is written, which the rules take as possible control.
    """
    return low if low >= 50 or high < 50 else None


def _owner(stake: _Stake) -> dict[str, object]:
    record: dict[str, object] = {"party": stake.owner}
    if stake.share is not None:
        record["share"] = stake.share
    return record | ({"mechanism": stake.mechanism} if stake.mechanism != "ownership" else {})


def _components(statement: _Statement) -> list[str]:
    fields = Fields(statement.details, "")
    return [*fields.texts("componentRecordIds"), *fields.texts("componentStatementIDs")]


def _source(fields: Fields, day: str) -> tuple[str, str]:
    """(evidence, source). Who asserted it may be a person, and is not read."""
    source = Fields(fields.map("source"), "")
    types = {squash(word) for word in source.texts("type")}
    publisher = as_text(as_map(fields.map("publicationDetails").get("publisher")).get("name"), 200)
    told = ", ".join(filter(None, ("BODS", publisher, as_text(source.get("url"), 300), day)))
    return ("declared" if types == {"selfdeclaration"} else "registry"), told
