"""What was granted to somebody, judged: accesses, agreements, and how flows are protected.

Each judge is given the place on a day, what the condition asks, the kind of the subject and its id.
"""

from __future__ import annotations

from collections.abc import Iterator

from cityward.place.data import Access, Protection
from cityward.place.house_rules import (
    About,
    AccessIs,
    AgreementIs,
    ProtectionIs,
    Role,
)
from cityward.place.parties import Agreement
from cityward.place.record import UNKNOWN
from cityward.reach.rules.holders import holders
from cityward.reach.rules.standing import Standing
from cityward.reach.rules.truth import NO, Held, all_of, any_of, possibly, yes
from cityward.reach.telling.names import name_of

# --- accesses, agreements, protection


def access(standing: Standing, asked: AccessIs, about: About, name: str) -> Held:
    """One access is all of this."""
    accesses = standing.place.accesses
    if about is About.ACCESSES:
        those = [(name, accesses[name])]
    elif about is About.PARTIES:
        those = [(known, record) for known, record in accesses.items() if record.party == name]
    else:
        those = standing.accesses.get(name, [])
    return any_of(_one_access(standing, asked, known, record) for known, record in those)


def _one_access(standing: Standing, asked: AccessIs, name: str, record: Access) -> Held:
    path = f"accesses.{name}"
    shared = [mode for mode in record.modes if mode in asked.modes]
    if asked.modes and not shared:
        return NO
    if asked.standing is not None and record.standing is not asked.standing:
        return NO
    manner = "a standing access" if record.standing else "an access opened for each task"
    who, target = name_of(standing.place, record.party), name_of(standing.place, standing.group(record.target))
    text = f"{who} has {manner} to {target}: {', '.join(shared or record.modes)}"
    return all_of((yes(text, f"{path}.modes", witness=f"access {name}"), *_places(standing, asked, name, record)))


def _places(standing: Standing, asked: AccessIs, name: str, record: Access) -> Iterator[Held]:
    path = f"accesses.{name}.from_places"
    if not (asked.used_from or asked.used_outside or asked.place_not_known):
        return
    text = f"from where `{name}` is used is not known"
    if record.from_places == UNKNOWN:
        yield yes(text, path) if asked.place_not_known else possibly(text, path)
        return
    if asked.place_not_known:
        yield NO if record.from_places else yes(text, path)
    if asked.used_from or asked.used_outside:
        yield any_of(_seat(standing, asked, where, f"{path}[{k}]") for k, where in enumerate(record.from_places))


def _seat(standing: Standing, asked: AccessIs, where: str, path: str) -> Held:
    at = standing.place.sites.get(where)
    land = at.jurisdiction if at is not None else where
    if land == UNKNOWN:
        text = f"in which jurisdiction {name_of(standing.place, where)} lies is not known"
        return possibly(text, f"sites.{where}.jurisdiction")
    wanted = (
        not asked.used_from
        or where in asked.used_from
        or land in standing.within(tuple(known for known in asked.used_from if known in standing.place.jurisdictions))
    )
    outside = not asked.used_outside or land not in standing.within(asked.used_outside)
    text = f"it is used from {name_of(standing.place, where)}"
    return yes(text, path, witness=f"from {where}") if wanted and outside else NO


def agreement(standing: Standing, asked: AgreementIs, about: About, name: str) -> Held:
    """The agreement is any of this."""
    if about is About.AGREEMENTS:
        return any_of(_one_agreement(standing, asked, name, standing.place.agreements[name]))
    named = standing.records(about)[name].agreement
    if named is None:
        return _missing(standing, about, name) if "missing" in asked.state else NO
    known = standing.place.agreements.get(named)
    if known is None:
        text = f"its agreement `{named}` does not hold on {standing.day}"
        return yes(text, f"{about}.{name}.agreement", witness=named) if "ended" in asked.state else NO
    return any_of(_one_agreement(standing, asked, named, known))


def _missing(standing: Standing, about: About, name: str) -> Held:
    """None is needed where only the responsible party is concerned."""
    roles = (Role.SENDER, Role.RECIPIENT) if about is About.FLOWS else (Role.ACCESSING, Role.OPERATOR)
    those = [holder for role in roles for holder in holders(standing, role, about, name)]
    return any_of(_other(standing, about, name, holder, path) for holder, path in those)


def _other(standing: Standing, about: About, name: str, holder: str, path: str) -> Held:
    if holder == UNKNOWN:
        return possibly("no agreement is named, and who is at its end is not known", path)
    if holder == standing.place.responsible:
        return NO
    text = f"no agreement with {name_of(standing.place, holder)} is named"
    return yes(text, f"{about}.{name}", path, witness=f"no agreement {holder}")


def _one_agreement(standing: Standing, asked: AgreementIs, name: str, record: Agreement) -> Iterator[Held]:
    path = f"agreements.{name}"
    if "ended" in asked.state and record.ends is not None and record.ends < standing.day:
        yield yes(f"`{name}` ended on {record.ends}", f"{path}.ends", witness="ended")
    if "not-begun" in asked.state and record.starts is not None and record.starts > standing.day:
        yield yes(f"`{name}` begins on {record.starts}", f"{path}.starts", witness="not begun")
    if record.subcontracting in asked.subcontracting:
        yield yes(f"sub-contracting is {record.subcontracting}", f"{path}.subcontracting", witness="sub-contracting")
    elif asked.subcontracting and record.subcontracting == UNKNOWN:
        yield possibly("whether it may be sub-contracted is not known", f"{path}.subcontracting", "sub-contracting")
    if asked.exit_days_over is not None and record.exit_days is None:
        yield possibly("how long leaving takes is not known", f"{path}.exit_days", "exit")
    elif asked.exit_days_over is not None and record.exit_days is not None and record.exit_days > asked.exit_days_over:
        yield yes(f"leaving takes {record.exit_days} days", f"{path}.exit_days", witness="exit")
    if asked.end_missing and record.ends is None:
        yield yes("it has no end", path, witness="no end")
    if asked.sites_missing and not record.sites:
        yield yes("it says nothing about where", path, witness="no sites")


def protection(standing: Standing, asked: ProtectionIs, about: About, name: str) -> Held:
    """How the flow is protected, and which keys there are not."""
    return all_of(_protection(standing, asked, about, name))


def _protection(standing: Standing, asked: ProtectionIs, about: About, name: str) -> Iterator[Held]:
    if asked.flow:
        flows = [name] if about is About.FLOWS else [flow for flow, _ in _flows_of(standing, about, name)]
        yield any_of(_one_flow(standing, asked, flow) for flow in flows)
    if asked.no_key_of:
        has = [kind for kind in asked.no_key_of if standing.keys.of(kind, name)]
        text = f"no key of the kind {' or '.join(asked.no_key_of)} protects it"
        yield NO if has else yes(text, f"{about}.{name}", witness="no key")


def _flows_of(standing: Standing, about: About, name: str) -> list[tuple[str, object]]:
    if about is About.DATASETS:
        return [*standing.carrying.get(name, ())]
    return [*standing.leaving.get(name, ()), *standing.arriving.get(name, ())]


def _one_flow(standing: Standing, asked: ProtectionIs, flow: str) -> Held:
    how, path = standing.place.flows[flow].protection, f"flows.{flow}.protection"
    if how is Protection.UNKNOWN:
        return possibly(f"how `{flow}` is protected is not known", path, f"flow {flow}")
    if how.value not in asked.flow:
        return NO
    how_words = "without protection" if how is Protection.NONE else f"by {how}"
    return yes(f"`{flow}` goes {how_words}", path, witness=f"flow {flow}")
