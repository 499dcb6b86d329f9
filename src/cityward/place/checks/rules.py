"""What the shape of a house rule cannot say: which conditions and roles can be asked of which kind of subject.

INVARIANT: no rule passes that would forbid everything or nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from cityward.place.house_rules import (
    About,
    Condition,
    HouseRule,
    PartyIs,
    Role,
    given,
)

_THINGS = {About.DEVICES, About.SYSTEMS}

CAN: dict[str, frozenset[About]] = {
    "party": frozenset(set(About) - {About.JURISDICTIONS, About.FUNCTIONS}),
    "site": frozenset(_THINGS | {About.DATASETS, About.FLOWS, About.ACCESSES, About.AGREEMENTS}),
    "route": frozenset({About.FLOWS, About.DATASETS}),
    "data": frozenset(_THINGS | {About.DATASETS, About.FLOWS, About.ACCESSES, About.AGREEMENTS, About.SERVICES}),
    "thing": frozenset(_THINGS | {About.ACCESSES}),
    "access": frozenset(_THINGS | {About.DATASETS, About.ACCESSES, About.PARTIES}),
    "reached_from": frozenset(_THINGS | {About.DATASETS, About.FLOWS, About.SERVICES, About.FUNCTIONS}),
    "reached_by": frozenset(_THINGS | {About.DATASETS, About.FLOWS, About.SERVICES, About.FUNCTIONS}),
    "path_to": frozenset(_THINGS | {About.DATASETS, About.FLOWS, About.ACCESSES}),
    "chain": frozenset({About.DEVICES}),
    "agreement": frozenset({About.FLOWS, About.ACCESSES, About.AGREEMENTS}),
    "protection": frozenset({About.FLOWS, About.DATASETS, About.SYSTEMS}),
    "concentration": frozenset({About.PARTIES, About.JURISDICTIONS}),
}
"""Which kinds a condition can be asked of."""

ROLES: dict[About, frozenset[Role]] = {
    About.DEVICES: frozenset(
        {Role.MAKER, Role.OPERATOR, Role.OWNER, Role.HOST, Role.UPDATE_SOURCE, Role.ACCESSING, Role.RECIPIENT}
    ),
    About.SYSTEMS: frozenset(
        {
            Role.SUPPLIER, Role.OPERATOR, Role.MAINTAINER, Role.HOST, Role.UPDATE_SOURCE, Role.ACCESSING, Role.KEY_HOLDER,
            Role.RECIPIENT,
        }
    ),
    About.DATASETS: frozenset(
        {Role.OPERATOR, Role.HOST, Role.RECIPIENT, Role.SENDER, Role.HOP, Role.KEY_HOLDER, Role.ACCESSING, Role.PARTNER}
    ),
    About.FLOWS: frozenset({Role.SENDER, Role.RECIPIENT, Role.HOP, Role.KEY_HOLDER, Role.PARTNER}),
    About.ACCESSES: frozenset({Role.ACCESSING, Role.OPERATOR, Role.PARTNER}),
    About.AGREEMENTS: frozenset({Role.PARTNER}),
    About.PARTIES: frozenset({Role.ITSELF}),
    About.SERVICES: frozenset({Role.OPERATOR}),
}  # fmt: skip
"""In which roles a party can stand to a subject."""

Fault = tuple[str, str, str]
"""(path below the rule, what, mend)."""


def faults(rule: HouseRule, declared: dict[str, frozenset[str]]) -> Iterator[Fault]:
    """What the shape of a rule cannot say is wrong with it.

    Args:
        rule: as declared.
        declared: kind -> the ids there are.
    """
    for part in ("forbid", "unless"):
        for i, condition in enumerate(getattr(rule, part)):
            yield from _condition(rule.about, condition, f"{part}[{i}]")
    for i, waiver in enumerate(rule.waivers):
        if waiver.subject not in declared.get(rule.about, ()):
            what = f"found `{waiver.subject}`, which is none of the {rule.about}"
            yield f"waivers[{i}].subject", what, f"name one of the {rule.about} that the rule is about"


def _condition(about: About, condition: Condition, path: str) -> Iterator[Fault]:
    asked = given(condition)
    if not asked:
        yield path, "the condition asks nothing", f"give one of {', '.join(f'`{name}`' for name in _can(about))}"
    for name, value in asked.items():
        if about not in CAN[name]:
            mend = f"of {about} can be asked: {', '.join(f'`{other}`' for other in _can(about))}"
            yield f"{path}.{name}", f"cannot be asked of {about}", mend
        elif _says_nothing(value):
            yield f"{path}.{name}", f"`{name}` says nothing that narrows it", "give at least one more field"
    if condition.party is not None:
        yield from _roles(about, condition.party, path)
    yield from _measures(about, condition, path)


def _can(about: About) -> list[str]:
    return [name for name, kinds in CAN.items() if about in kinds]


_HOW = frozenset({"as_", "or_parents", "or_subprocessors", "control_share", "by"})
"""Fields that say how to look, and narrow nothing."""


def _says_nothing(value: msgspec.Struct) -> bool:
    fields = [field for field in msgspec.structs.fields(value) if field.name not in _HOW]
    return all(not field.required and getattr(value, field.name) == field.default for field in fields)


def _roles(about: About, party: PartyIs, path: str) -> Iterator[Fault]:
    can = ROLES.get(about, frozenset())
    for i, role in enumerate(party.as_):
        if role not in can and about in CAN["party"]:
            mend = f"write one of {', '.join(f'`{known}`' for known in sorted(can))}"
            yield f"{path}.party.as[{i}]", f"a party is no `{role}` of {about}", mend


def _measures(about: About, condition: Condition, path: str) -> Iterator[Fault]:
    """Words that measure by a dataset, where there is none; shares of what nobody stands in a role to."""
    of_data = about in (About.DATASETS, About.FLOWS)
    for name, word in (("reached_from", "not-allowed"), ("reached_by", "not-agreed")):
        asked = getattr(condition, name)
        field = "jurisdictions" if name == "reached_from" else "parties"
        if asked is not None and getattr(asked, field) == word and not of_data:
            mend = f"make the rule about datasets or flows, or name the {field}"
            yield f"{path}.{name}.{field}", f"`{word}` is measured by a dataset, and {about} are none", mend
    share = condition.concentration
    if share is not None and share.as_ and share.of in ("functions", "essential-functions"):
        mend = "leave `as` out: then it is the functions that it could stop"
        yield f"{path}.concentration.as", "no party stands in a role to a function", mend
    known = ROLES[About.DEVICES] if share is not None and share.of == "devices" else ROLES[About.SYSTEMS]
    for i, role in enumerate(share.as_ if share is not None and "functions" not in share.of else ()):
        if role not in known:
            mend = f"write one of {', '.join(f'`{one}`' for one in sorted(known))}"
            yield f"{path}.concentration.as[{i}]", f"a party is no `{role}` of what is counted", mend
