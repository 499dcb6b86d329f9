"""J-08: what a supplier must show, by what it touches, is on file and in force."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example
from cityward.assurance.examples import NOW_US, changed
from cityward.assurance.results import Judged, Result, Severity
from cityward.assurance.saying import unknown, wrong
from cityward.assurance.suppliers.showing import Held, shown_by
from cityward.assurance.suppliers.touching import suppliers_of
from cityward.time import from_us


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each supplier. What never was on file fails; what ran out is unknown again."""
    place, today = dossier.place, from_us(dossier.now_us).date()
    for name, supplier in suppliers_of(place).items():
        shown = shown_by(place, name, supplier.tier, today)
        subject = f"parties.{name}"
        path = (subject, *(f"supplier_evidence.{one.record}" for one in shown if one.record))
        missing = [one.wanted.said for one in shown if one.held is Held.MISSING]
        expired = [f"{one.wanted.said} (ended {one.ends})" for one in shown if one.held is Held.EXPIRED]
        if missing:
            said = f"of `{name}`, of the {supplier.tier.value} tier, there is not on file: {'; '.join(missing)}"
            yield wrong(subject, said, f"ask it; `cityward supplier PLACE {name}` lists all", *path)
        elif expired:
            yield unknown(
                subject,
                f"of `{name}` it ran out: {'; '.join(expired)}",
                "new evidence where a supplier's ran out",
                *path,
            )
        else:
            grounds = tuple(
                dossier.declared(f"supplier_evidence.{one.record}", f"{one.wanted.said}, until {one.ends}")
                for one in shown
            )
            said = f"all that is asked of `{name}`, of the {supplier.tier.value} tier, is on file and in force"
            yield Judged(subject, Result.STATED, said, grounds, path)


_SUPPLIED = changed(
    ("purposes:", "  firm: {kind: company, incorporated_in: xa}\npurposes:"),
    ("counter: {maker: council,", "counter: {maker: firm,"),
)
_SHOWN = _SUPPLIED.replace(
    "services:",
    "agreements:\n  buy: {kind: supply, parties: [council, firm]}\n"
    "supplier_evidence:\n"
    "  answers: {party: firm, kind: questionnaire, says: answered, issued: 2026-01-01, ends: 2027-12-31}\n"
    "  notice: {party: firm, kind: clause, clause: incident-notice, agreement: buy, says: within a day, issued: 2026-01-01,"
    " ends: 2027-12-31}\n"
    "services:",
)

CONTROL = Control(
    id="J-08",
    title="Each supplier showed what its tier asks for, and none of it ran out",
    severity=Severity.HIGH,
    supports={"NCSC": ("N12",), "NIS2": ("21.2.d", "21.3"), "5E": ("supply-chain",), "CAF": ("A4.a",)},
    check=check,
    false_positives="That a paper is on file says nothing of whether it is true.",
    avoid=Example(_SUPPLIED, now_us=NOW_US),
    prefer=Example(_SHOWN, now_us=NOW_US),
    says="suppliers",
)
