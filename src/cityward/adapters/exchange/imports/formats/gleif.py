"""GLEIF golden copy CSV: relationship records and reporting exceptions (level 2), and names of entities (level 1), told apart by
their columns; several files are read as one.

| GLEIF | here |
|---|---|
| LEI | party `company` (the word for any legal entity that has one), `ids.lei` |
| entity record (level 1) | its name, `incorporated_in`, `kind` of public bodies |
| IS_DIRECTLY_CONSOLIDATED_BY | owner by `management` |
| IS_ULTIMATELY_CONSOLIDATED_BY | the same, where the chain of direct parents does not lead there |
| IS_INTERNATIONAL_BRANCH_OF, IS_FUND-MANAGED_BY | owner by `management` |
| IS_SUBFUND_OF | owner by `contractual` (control possible, not certain) |
| IS_FEEDER_TO | not carried over: it invests, and is not controlled |
| reporting exception | the reason noted |
| no parent in the files, whether by an exception or not | owners `unknown` |
| relationships not ACTIVE, registrations annulled, retired or doubled | left out and counted |

Why `management`: who consolidates a company in its accounts does so *because* it controls it; that is the test of the accounting
standards (IFRS 10, US GAAP 810), whatever the share. So consolidation is control, but says nothing about a share: none is
ever written. A quantifier in the file is noted, for what it measures differs from register to register.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

from cityward.adapters.exchange.imports.contract import File, refusal
from cityward.adapters.exchange.imports.draft import Draft
from cityward.adapters.exchange.imports.fields import as_date, as_text, spellings, squash
from cityward.adapters.exchange.imports.selection import Above, Wanted
from cityward.adapters.exchange.imports.tables import Table, read_table
from cityward.guard.reasons import Reason
from cityward.place.record import UNKNOWN

FORMAT = "gleif"
SCHEMES = ("lei",)
TITLE = "GLEIF relationship records and reporting exceptions (CSV)"

MECHANISMS = {
    "IS_DIRECTLY_CONSOLIDATED_BY": "management",
    "IS_ULTIMATELY_CONSOLIDATED_BY": "management",
    "IS_INTERNATIONAL_BRANCH_OF": "management",
    "IS_FUND-MANAGED_BY": "management",
    "IS_SUBFUND_OF": "contractual",
}
ULTIMATE = "IS_ULTIMATELY_CONSOLIDATED_BY"
DIRECT = "IS_DIRECTLY_CONSOLIDATED_BY"
FEEDER = "IS_FEEDER_TO"
VOID = frozenset({"ANNULLED", "DUPLICATE", "RETIRED", "ERROR", "CANCELLED"})
CATEGORIES = {
    "DIRECT_ACCOUNTING_CONSOLIDATION_PARENT": "direct parent",
    "ULTIMATE_ACCOUNTING_CONSOLIDATION_PARENT": "ultimate parent",
}
REASONS = spellings(
    """NO_LEI NATURAL_PERSONS NON_CONSOLIDATING NO_KNOWN_PERSON NON_PUBLIC BINDING_LEGAL_COMMITMENTS LEGAL_OBSTACLES
    CONSENT_NOT_OBTAINED DISCLOSURE_DETRIMENTAL DETRIMENT_NOT_EXCLUDED"""
)

Row = Callable[[str], str]
"""A cell by the name of its column, in any spelling; empty where there is no such column."""


def read(files: Sequence[File], draft: Draft) -> None:
    """Fill the draft from golden copy files.

    Raises:
        DecodeError: a file is none of them, or cannot be read.
    """
    draft.source, draft.evidence = "GLEIF", "registry"
    kept, seen = (None, ()) if draft.wanted is None else _survey(files, draft.wanted)
    register = _Register(draft, kept, seen)
    for file in files:
        table = read_table(file)
        columns = _columns(table)
        take = register.reader(columns)
        if take is None:
            mend = "name a golden copy CSV of relationship records, reporting exceptions or LEI records"
            raise refusal(Reason.WRONG_SHAPE, "its columns are of no GLEIF file", f"{file.name}:1", mend)
        for line, row in _rows(table, columns):
            take(f"{file.name}:{line}", row)
    register.read()


def _survey(files: Sequence[File], wanted: Wanted) -> tuple[Callable[[str], bool], list[str]]:
    """Whether rows about an LEI are looked at, and the wanted that stand above somebody."""
    above, seen = Above(), dict[str, None]()
    for file in files:
        table = read_table(file)
        start, end = (_columns(table).get(squash(name)) for name in (START, END))
        if start is not None and end is not None:
            for _, cells in table.rows:
                below, parent = cells[start].upper(), cells[end].upper()
                above.add(below, parent)
                if parent in wanted.numbers:
                    seen[parent] = None
    return above.reached(wanted.numbers), list(seen)


def _columns(table: Table) -> dict[str, int]:
    """squashed name -> the first column of that name."""
    return {squash(name): i for i, name in reversed(list(enumerate(table.columns)))}


def _rows(table: Table, columns: Mapping[str, int]) -> Iterator[tuple[int, Row]]:
    index = {name: columns.get(squash(name)) for name in _COLUMNS}
    for line, cells in table.rows:

        def cell(name: str, cells: list[str] = cells) -> str:
            at = index[name]
            return cells[at] if at is not None else ""

        yield line, cell


START, END = "Relationship.StartNode.NodeID", "Relationship.EndNode.NodeID"
KIND, STATUS = "Relationship.RelationshipType", "Relationship.RelationshipStatus"
REGISTRATION, UPDATED = "Registration.RegistrationStatus", "Registration.LastUpdateDate"
AMOUNT, UNITS = "Relationship.Quantifiers.1.QuantifierAmount", "Relationship.Quantifiers.1.QuantifierUnits"
LEI, NAME, COUNTRY, CATEGORY = "LEI", "Entity.LegalName", "Entity.LegalJurisdiction", "Entity.EntityCategory"
EXCEPTION, WHY = "Exception.Category", tuple(f"Exception.Reason.{n}" for n in range(1, 6))
_COLUMNS = (
    START,
    END,
    KIND,
    STATUS,
    REGISTRATION,
    UPDATED,
    AMOUNT,
    UNITS,
    LEI,
    NAME,
    COUNTRY,
    CATEGORY,
    EXCEPTION,
    *WHY,
)


class _Register:
    """What the files tell, then the parties."""

    def __init__(self, draft: Draft, kept: Callable[[str], bool] | None, seen: Sequence[str]) -> None:
        self.draft, self.kept = draft, kept
        self.entities: dict[str, tuple[str, str, str]] = {}  # LEI -> name, jurisdiction, category
        self.known: dict[str, None] = dict.fromkeys(filter(_is_lei, seen))  # every LEI, in the order of the files
        self.parents: dict[str, list[tuple[str, str, str]]] = defaultdict(list)  # child -> (type, parent, day)
        self.exceptions: dict[str, list[str]] = defaultdict(list)
        self.notes: dict[str, list[str]] = defaultdict(list)
        self.left: dict[str, int] = defaultdict(int)

    def reader(self, columns: Mapping[str, int]) -> Callable[[str, Row], None] | None:
        """What to do with the rows of a file that has these columns."""
        if squash(START) in columns and squash(END) in columns:
            return self._of_kept(START, self._relationship)
        if squash(LEI) in columns and squash(EXCEPTION) in columns:
            return self._of_kept(LEI, self._exception)
        if squash(LEI) in columns and squash(NAME) in columns:
            return self._of_kept(LEI, self._entity)
        return None

    def _of_kept(self, column: str, take: Callable[[str, Row], None]) -> Callable[[str, Row], None]:
        kept = self.kept
        if kept is None:
            return take

        def take_kept(where: str, row: Row) -> None:
            if kept(row(column).upper()):
                take(where, row)

        return take_kept

    def _entity(self, where: str, row: Row) -> None:
        lei = self._lei(where, row(LEI))
        if lei:
            self.entities[lei] = (as_text(row(NAME)), row(COUNTRY), row(CATEGORY).upper())

    def _relationship(self, where: str, row: Row) -> None:
        kind = row(KIND).upper()
        if row(STATUS).upper() not in ("", "ACTIVE") or row(REGISTRATION).upper() in VOID:
            self.left["they are not active, or their registration is void"] += 1
            return
        if kind == FEEDER:
            self.left["a feeder fund invests, and is not controlled"] += 1
            return
        child, parent = self._lei(where, row(START)), self._lei(where, row(END))
        if not child or not parent:
            return
        if kind not in MECHANISMS:
            self.draft.lose(f"{where} {KIND}", kind, "not a relationship known here")
            return
        self.parents[child].append((kind, parent, as_date(row(UPDATED)) or ""))
        if row(AMOUNT):
            measured = f"{as_text(row(AMOUNT), 40)} {as_text(row(UNITS), 40).lower()}".strip()
            self.notes[child].append(f"The record of {parent} has the quantifier {measured}.")

    def _exception(self, where: str, row: Row) -> None:
        lei = self._lei(where, row(LEI))
        if not lei:
            return
        category, reasons = row(EXCEPTION).upper(), [row(name).upper() for name in WHY if row(name)]
        if category not in CATEGORIES:
            self.draft.lose(f"{where} {EXCEPTION}", category, "not a category of GLEIF; the owner is taken as unknown")
        for reason in reasons:
            if squash(reason) not in REASONS:
                self.draft.lose(f"{where} Exception.Reason", reason, "not a reason of GLEIF; noted as it is")
        told = (
            f"{CATEGORIES.get(category, as_text(category, 60) or 'parent')}: {', '.join(reasons) or 'no reason given'}"
        )
        self.exceptions[lei].append(as_text(told, 200))

    def _lei(self, where: str, text: str) -> str:
        """The LEI in its one spelling; empty, and told, where it is none."""
        lei = text.upper()
        if not _is_lei(lei):
            self.draft.lose(where, text, "not an LEI (20 letters and digits); the row was left out")
            return ""
        self.known[lei] = None
        return lei

    # --- parties

    def read(self) -> None:
        """Carry everything over."""
        for why, count in self.left.items():
            self.draft.leave("relationships", why, count)
        names = {lei: self._name(lei) for lei in self.known}
        roots = _roots(self.parents)
        for lei, name in names.items():
            self._party(lei, name, names, roots)
        self.draft.keep_wanted(names)
        if self.known:
            self.draft.note("Parties are known by their LEI; add level 1 records for their names and jurisdictions.")

    def _name(self, lei: str) -> str:
        name = self.entities[lei][0] if lei in self.entities else ""
        return self.draft.registered(lei, name or f"lei-{lei}", {"lei": lei})

    def _party(self, lei: str, name: str, names: Mapping[str, str], roots: Mapping[str, str]) -> None:
        title, country, category = self.entities.get(lei, ("", "", ""))
        place = self.draft.jurisdiction(country) if country else None
        if country and place is None:
            self.draft.lose(f"{lei} {COUNTRY}", country, "no ISO 3166 code; `incorporated_in` is unknown")
        stakes = self._stakes(lei, roots)
        reasons = self.exceptions.get(lei, [])
        notes = [*self.notes.get(lei, []), *(f"Reporting exception, {reason}." for reason in dict.fromkeys(reasons))]
        days = [day for _, _, day in self.parents.get(lei, []) if day]
        self.draft.put(
            "parties",
            name,
            {
                "name": title or f"LEI {lei}",
                "note": " ".join(notes),
                "kind": "public-body" if category.endswith("GOVERNMENT_ENTITY") else "company",
                "incorporated_in": place or UNKNOWN,
                "owners": [{"party": names[o], "mechanism": m} for o, m in stakes] or UNKNOWN,
                "subprocessors": UNKNOWN,
                "ids": {"lei": lei},
                "source": f"GLEIF, {max(days)}" if days else "GLEIF",
            },
        )

    def _stakes(self, lei: str, roots: Mapping[str, str]) -> list[tuple[str, str]]:
        """(owner, mechanism), each once. An ultimate parent is left out where the chain of direct ones leads to it."""
        told = self.parents.get(lei, [])
        direct = {parent for kind, parent, _ in told if kind == DIRECT}
        kept: dict[tuple[str, str], None] = {}
        for kind, parent, _ in told:
            if kind == ULTIMATE and (parent in direct or (direct and roots.get(lei) == parent)):
                continue
            kept[parent, MECHANISMS[kind]] = None
        return list(kept)


def _is_lei(text: str) -> bool:
    # SPEC: ISO 17442-1 4: 18 letters and digits, two check digits
    return len(text) == 20 and text.isascii() and text.isalnum()


def _roots(parents: Mapping[str, list[tuple[str, str, str]]]) -> dict[str, str]:
    """LEI -> the top of its chain of (first) direct parents, in linear time; nothing for those on a circle or below one."""
    up = {child: parent for child, told in parents.items() for kind, parent, _ in reversed(told) if kind == DIRECT}
    roots: dict[str, str | None] = {}
    for start in up:
        way: list[str] = []
        on_way: set[str] = set()
        at: str = start
        while at in up and at not in roots and at not in on_way:
            way.append(at)
            on_way.add(at)
            at = up[at]
        root = None if at in on_way else roots.get(at, at)
        roots.update(dict.fromkeys(way, root))
    return {child: root for child, root in roots.items() if root is not None}
