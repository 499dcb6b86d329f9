"""J-04: from where somebody looks counts like where something is sent."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example
from cityward.assurance.examples import NOW_US, changed
from cityward.assurance.refusing import asks_refused
from cityward.assurance.results import Judged, Result, Severity
from cityward.assurance.saying import stated, unknown, wrong
from cityward.place.record import UNKNOWN

ELSEWHERE = frozenset({"from-elsewhere"})


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each role and access of another party, and one for who asked from elsewhere."""
    place = dossier.place
    for name, role in place.roles.items():
        if role.party != place.responsible and not role.from_addresses:
            said = f"people of `{role.party}` may come from anywhere"
            yield wrong(f"roles.{name}", said, "declare its from_addresses", f"parties.{role.party}", f"roles.{name}")
        elif role.party != place.responsible:
            yield stated(dossier, f"roles.{name}", f"people of `{role.party}` come from declared addresses only")
    for name, access in place.accesses.items():
        if access.party != place.responsible and (access.from_places == UNKNOWN or not access.from_places):
            said = f"from where `{access.party}` reaches `{access.target}` is not said"
            yield unknown(f"accesses.{name}", said, "the places that every access is used from")
    if grounds := asks_refused(dossier, ELSEWHERE):
        yield Judged("asks.elsewhere", Result.PROVEN, "who asked from elsewhere was given nothing", grounds)


_SUPPORT = changed(
    ("purposes:", "  maker: {kind: company, incorporated_in: xa}\npurposes:"),
    ("services:", "roles:\n  support: {party: maker, rights: [look], standing: false, longest_hours: 4, "
     "from_addresses: [192.0.2.0/28]}\nservices:"),
)  # fmt: skip

CONTROL = Control(
    id="J-04",
    title="Others reach the city only from where it is declared that they do",
    severity=Severity.HIGH,
    supports={"NCSC": ("N4", "N11"), "EDPB": ("01/2020",)},
    check=check,
    false_positives="A relay at a declared address hides who sits behind it.",
    avoid=Example(_SUPPORT.replace(", from_addresses: [192.0.2.0/28]", ""), now_us=NOW_US),
    prefer=Example(_SUPPORT, now_us=NOW_US),
    says="roles and accesses of other parties, and who asked from elsewhere",
)
