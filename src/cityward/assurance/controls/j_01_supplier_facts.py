"""J-01: who a supplier really is stands on record, as far as what it touches asks for."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example
from cityward.assurance.examples import NOW_US, changed
from cityward.assurance.results import Judged, Severity
from cityward.assurance.saying import stated, unknown, wrong
from cityward.assurance.suppliers.touching import Tier, suppliers_of
from cityward.place.parties import Party
from cityward.place.record import UNKNOWN


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each supplier: its number in a register, its owners, its helpers, and where that was read."""
    place = dossier.place
    for name, supplier in suppliers_of(place).items():
        party, subject = place.parties[name], f"parties.{name}"
        path = (subject, *(touch.path for touch in supplier.touches[:1]))
        unsettled = _unsettled(party)
        if not party.ids and supplier.tier is Tier.HIGH:
            said = f"`{name}` {supplier.touches[0].said}, and no register is named in which it stands"
            yield wrong(subject, said, "add its number in a register to `ids`", *path)
        elif not party.ids:
            yield unknown(
                subject, f"in which register `{name}` stands is not said", "the register number of each supplier", *path
            )
        elif unsettled:
            yield unknown(
                subject,
                f"of `{name}` it is not known {unsettled}",
                "owners, country and helpers of each supplier",
                *path,
            )
        elif not (party.source and party.valid_from):
            said = f"where and when what is declared of `{name}` was read is not said"
            yield unknown(subject, said, "`source` and `valid_from` of each supplier", *path)
        else:
            said = f"who `{name}` is was read on {party.valid_from} in: {party.source}"
            yield stated(dossier, subject, said, *path)


def _unsettled(party: Party) -> str:
    if party.incorporated_in == UNKNOWN:
        return "where it is incorporated"
    if party.owners == UNKNOWN:
        return "who owns it"
    return "whom it hands work to" if party.subprocessors == UNKNOWN else ""


def _supplied(facts: str) -> str:
    return changed(
        ("purposes:", f"  firm: {{kind: company, incorporated_in: xa{facts}}}\npurposes:"),
        ("lamp: {maker: council,", "lamp: {maker: firm,"),
    )


CONTROL = Control(
    id="J-01",
    title="Who each supplier is, and who holds it, was read in a register that is named",
    severity=Severity.HIGH,
    supports={"NCSC": ("N4",), "CAF": ("A4.a",), "NIS2": ("21.3",)},
    check=check,
    false_positives="A register tells who is entered, not who decides.",
    avoid=Example(_supplied(""), now_us=NOW_US),
    prefer=Example(
        _supplied(", ids: {company-number: X-1}, source: register of XA, valid_from: 2026-05-01"), now_us=NOW_US
    ),
    says="suppliers",
    attestable=True,
)
