"""Statements as the file has them: of which record each tells, and which of several counts.

INVARIANT: of a person nothing is read here but the key of the record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from cityward.adapters.exchange.imports.draft import Draft
from cityward.adapters.exchange.imports.fields import Fields, as_date, as_map, as_text, squash
from cityward.adapters.exchange.imports.formats.bods.words import TYPES
from cityward.adapters.exchange.imports.selection import Above, Wanted

Values = Iterable[tuple[str, object]]
"""(where, statement)."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; of a record told several times the last one counts."""

    where: str
    kind: str
    key: str  # the record's id
    details: dict[str, object]
    date: str
    published: str
    closed: bool
    evidence: str
    source: str
    replaces: tuple[str, ...]


def statement_of(where: str, value: object) -> Statement | None:
    """A statement about an entity, a person or a relationship; None for anything else."""
    fields = Fields(value, where)
    kind = TYPES.get(squash(fields.text("recordType") or fields.text("statementType")))
    if kind is None:
        return None
    details = fields.map("recordDetails") if fields.text("recordType") else as_map(value)
    key = fields.text("recordId") or fields.text("statementId") or where
    day = as_date(fields.get("statementDate")) or ""
    published = as_date(fields.map("publicationDetails").get("publicationDate")) or ""
    closed = squash(fields.text("recordStatus")) == "closed"
    replaces = tuple(fields.texts("replacesStatements"))
    return Statement(where, kind, key, details, day, published, closed, *_source(fields, day or published), replaces)


def _source(fields: Fields, day: str) -> tuple[str, str]:
    """(evidence, source). Who asserted it may be a person, and is not read."""
    source = Fields(fields.map("source"), "")
    types = {squash(word) for word in source.texts("type")}
    publisher = as_text(as_map(fields.map("publicationDetails").get("publisher")).get("name"), 200)
    told = ", ".join(filter(None, ("BODS", publisher, as_text(source.get("url"), 300), day)))
    return ("declared" if types == {"selfdeclaration"} else "registry"), told


def keys_of(value: object) -> tuple[str, ...]:
    """What a subject or interested party may be called by, in the form of 0.4 or of 0.2."""
    told = as_map(value)
    forms = (value, told.get("describedByEntityStatement"), told.get("describedByPersonStatement"))
    return tuple(filter(None, map(as_text, forms)))


def components_of(statement: Statement) -> list[str]:
    """The records an indirect relationship is made of."""
    fields = Fields(statement.details, "")
    return [*fields.texts("componentRecordIds"), *fields.texts("componentStatementIDs")]


def identifiers_of(statement: Statement) -> list[tuple[str, str]]:
    """(scheme, identifier) of an entity."""
    if statement.kind != "entity":
        return []
    items = map(as_map, Fields(statement.details, "").list("identifiers"))
    told = (
        (as_text(i.get("scheme"), 100) or as_text(i.get("schemeName"), 100), as_text(i.get("id"), 200)) for i in items
    )
    return [("lei" if scheme.upper() == "XI-LEI" else scheme, number) for scheme, number in told if scheme and number]


@dataclass(slots=True)
class Book:
    """The last statement about each record. `latest` is the last day of all files, `recognised` their statements, kept or not."""

    kept: Callable[[str], bool] | None = None
    latest: str = ""
    recognised: int = 0
    statements: dict[tuple[str, str], Statement] = field(default_factory=dict[tuple[str, str], Statement])

    def take(self, values: Values, draft: Draft) -> None:
        """Keep statements, each in place of an older one about the same record."""
        for where, value in values:
            statement = statement_of(where, value)
            self.recognised += statement is not None
            if statement is None:
                fields = Fields(value, where)
                what = fields.text("recordType") or fields.text("statementType") or as_text(value) or "a statement"
                draft.lose(where, what, "neither an entity, nor a person, nor a relationship")
            elif self.kept is None or self._is_kept(statement, self.kept):
                self._keep(statement)

    def _keep(self, statement: Statement) -> None:
        self.latest = max(self.latest, statement.date, statement.published)
        key = (statement.kind, statement.key)
        known = self.statements.get(key)
        if known is None or known.date <= statement.date:
            self.statements.pop(key, None)
            self.statements[key] = statement
        for replaced in statement.replaces:
            self.statements.pop((statement.kind, replaced), None)

    def _is_kept(self, statement: Statement, kept: Callable[[str], bool]) -> bool:
        subject = keys_of(statement.details.get("subject")) if statement.kind == "relationship" else ()
        return any(map(kept, (statement.key, *subject)))


def survey(values: Values, wanted: Wanted) -> Book:
    """An empty book that will keep what is about the wanted, and about all that may stand above them."""
    above, roots, latest = Above(), list[str](), ""
    for where, value in values:
        statement = statement_of(where, value)
        if statement is None:
            continue
        latest = max(latest, statement.date, statement.published)
        if wanted.among([statement.key, *(number for _, number in identifiers_of(statement))]):
            roots.append(statement.key)
        for replaced in statement.replaces:
            above.add(replaced, statement.key)
        if statement.kind == "relationship":
            for subject in keys_of(statement.details.get("subject")):
                for key in (*keys_of(statement.details.get("interestedParty")), *components_of(statement)):
                    above.add(subject, key)
    return Book(above.reached(roots), latest)
