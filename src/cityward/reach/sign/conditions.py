"""One condition of a house rule, judged of one subject: all but paths, chains, shares and what is reached (`spread`).

Each judge is given the place on a day, what the condition asks, the kind of the subject and its id.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from cityward.place.data import Access, Protection
from cityward.place.house_rules import (
    About,
    AccessIs,
    AgreementIs,
    DataIs,
    PartyIs,
    ProtectionIs,
    Role,
    RouteIs,
    SiteIs,
    ThingIs,
)
from cityward.place.parties import Agreement, Party
from cityward.place.record import UNKNOWN
from cityward.place.things import Device, System
from cityward.reach.exposure.answers import LAW, Axis, Bound
from cityward.reach.exposure.nodes import Node, Predicate
from cityward.reach.exposure.sentences import name_of
from cityward.reach.sign.ownership import parents
from cityward.reach.sign.standing import Standing
from cityward.reach.sign.truth import NO, YES, Asked, Fact, Held, Truth, all_of, any_of, possibly, yes

# --- parties


def party(standing: Standing, asked: PartyIs, about: About, name: str) -> Held:
    """One party, in one of the roles, is all of this."""
    return any_of(
        _holder(standing, asked, role, holder, path)
        for role in asked.as_
        for holder, path in standing.holders(role, about, name)
    )


def _holder(standing: Standing, asked: PartyIs, role: Role, holder: str, path: str) -> Held:
    if holder == UNKNOWN:
        if "party" in asked.not_known:
            return yes(f"who its {role} is, is not known", path, witness=f"{role} unknown")
        return possibly(f"who its {role} is, is not known", path, f"{role} unknown")
    if holder not in standing.place.parties:
        return NO  # no longer valid on the day
    word = yes(
        _SAID.get(role, f"its {role} is {{}}").format(name_of(standing.place, holder)), path, witness=f"{role} {holder}"
    )
    return any_of(
        all_of((word, linked, _is(standing, asked, candidate)))
        for candidate, linked in _candidates(standing, asked, holder)
    )


_SAID = {
    Role.ITSELF: "it is {}",
    Role.ACCESSING: "the access is that of {}",
    Role.HOST: "its site is run by {}",
    Role.KEY_HOLDER: "a key to it is held by {}",
    Role.HOP: "it passes {}",
    Role.UPDATE_SOURCE: "its software comes from {}",
    Role.PARTNER: "it is agreed with {}",
    Role.SENDER: "it is sent by {}",
    Role.RECIPIENT: "it goes to {}",
}


def _candidates(standing: Standing, asked: PartyIs, holder: str) -> Iterator[tuple[str, Held]]:
    """The party, its parents and its sub-processors, as far as the rule asks for them."""
    yield holder, YES
    if asked.or_parents:
        for parent, truth, path in parents(standing.place, holder, asked.control_share):
            text = f"{name_of(standing.place, parent)} holds {asked.control_share:g} % or more of it, or appoints or manages it"
            missing = path.partition("[")[0]
            if parent == UNKNOWN:
                yield UNKNOWN, possibly("who owns it is not known", path)
            elif truth is Truth.YES:
                yield parent, yes(text, path, witness=f"parent {parent}")
            else:
                yield parent, possibly(f"possibly {text}", missing, f"parent {parent}")
    if asked.or_subprocessors:
        yield from _subprocessors(standing, holder)


def _subprocessors(standing: Standing, holder: str) -> Iterator[tuple[str, Held]]:
    others, path = standing.place.parties[holder].subprocessors, f"parties.{holder}.subprocessors"
    if others == UNKNOWN:
        yield UNKNOWN, possibly("whom it hands work to is not known", path)
        return
    for k, other in enumerate(others):
        text = f"it hands work to {name_of(standing.place, other)}"
        yield other, yes(text, f"{path}[{k}]", witness=f"sub-processor {other}")


def _is(standing: Standing, asked: PartyIs, name: str) -> Held:
    """Whether one party is all that is asked."""
    if name == UNKNOWN:
        return YES  # the doubt is already told
    record = standing.place.parties[name]
    return all_of(_party_facts(standing, asked, name, record))


def _party_facts(standing: Standing, asked: PartyIs, name: str, record: Party) -> Iterator[Held]:
    if asked.named:
        yield YES if name in asked.named else NO
    if asked.not_named:
        yield NO if name in asked.not_named else YES
    if asked.kinds:
        yield yes(f"it is a {record.kind}", f"parties.{name}.kind") if record.kind in asked.kinds else NO
    if asked.not_known:
        yield any_of(_unknown(asked, name, record))
    if asked.incorporated_in:
        yield _incorporated(standing, name, record, standing.within(asked.incorporated_in), inside=True)
    if asked.not_incorporated_in:
        yield _incorporated(standing, name, record, standing.within(asked.not_incorporated_in), inside=False)
    if asked.present_in:
        lands = standing.within(asked.present_in)
        present = [f"parties.{name}.presence[{k}]" for k, land in enumerate(record.presence) if land in lands]
        yield yes(f"it is present in {', '.join(asked.present_in)}", *present) if present else NO
    if asked.addressee_of:
        yield any_of(_addressee(standing, name, instrument) for instrument in asked.addressee_of)
    if asked.controlled_from:
        yield _held_from(standing, asked, name)


def _unknown(asked: PartyIs, name: str, record: Party) -> Iterator[Held]:
    fields = {"incorporated-in": "incorporated_in", "owners": "owners", "subprocessors": "subprocessors"}
    for word, field in fields.items():
        if word in asked.not_known and getattr(record, field) == UNKNOWN:
            text = (
                f"its {word.replace('-', ' ')} is not known"
                if field == "incorporated_in"
                else f"its {word} are not known"
            )
            yield yes(text, f"parties.{name}.{field}")


def _incorporated(standing: Standing, name: str, record: Party, lands: frozenset[str], *, inside: bool) -> Held:
    path = f"parties.{name}.incorporated_in"
    if record.incorporated_in == UNKNOWN:
        return possibly("where it is incorporated is not known", path)
    if (record.incorporated_in in lands) is not inside:
        return NO
    where = name_of(standing.place, record.incorporated_in)
    return yes(f"{name_of(standing.place, name)} is incorporated in {where}", path)


def _addressee(standing: Standing, name: str, instrument: str) -> Held:
    known = standing.place.instruments.get(instrument)
    if known is None:
        return NO
    scenario, node = Node(LAW[Axis.PARTY], known.jurisdiction), Node(Predicate.ADDRESSEE, name, instrument)
    who, law = name_of(standing.place, name), name_of(standing.place, instrument)
    text = f"{who} is an addressee of {law}"
    for bound, truth in ((Bound.CERTAIN, Truth.YES), (Bound.POSSIBLE, Truth.POSSIBLY)):
        if standing.exposure.holds(bound, scenario, node):
            said = text if truth is Truth.YES else f"{who} is possibly an addressee of {law}"
            return Held(truth, (Fact(said, (f"instruments.{instrument}",)),), (), (Asked(scenario, node, bound),))
    return NO


def _held_from(standing: Standing, asked: PartyIs, name: str) -> Held:
    truth, path = standing.held_from(asked.controlled_from, asked.control_share).get(name, (Truth.NO, ""))
    text = f"{name_of(standing.place, name)} is held from {', '.join(asked.controlled_from)} by {asked.control_share:g} % or more"
    if truth is Truth.NO:
        return NO
    return yes(text, path) if truth is Truth.YES else possibly(f"possibly {text}", path)


# --- sites, routes, data, things


def site(standing: Standing, asked: SiteIs, about: About, name: str) -> Held:
    """One site of the subject is all of this."""
    return any_of(_one_site(standing, asked, where, path) for where, path in standing.sites_of(about, name))


def _one_site(standing: Standing, asked: SiteIs, where: str, path: str) -> Held:
    if where == UNKNOWN or where not in standing.place.sites:
        return possibly("where it stands is not known", path)
    record = standing.place.sites[where]
    if asked.tags and not set(asked.tags) & set(record.tags):
        return NO
    if not (asked.in_ or asked.not_in):
        tags = ", ".join(tag for tag in record.tags if tag in asked.tags)
        return yes(
            f"it stands at {name_of(standing.place, where)}, which is {tags}",
            path,
            f"sites.{where}.tags",
            witness=where,
        )
    if record.jurisdiction == UNKNOWN:
        text = f"in which jurisdiction {name_of(standing.place, where)} lies is not known"
        return possibly(text, f"sites.{where}.jurisdiction", where)
    lies = record.jurisdiction in standing.within(asked.in_) if asked.in_ else True
    out = record.jurisdiction not in standing.within(asked.not_in) if asked.not_in else True
    land = name_of(standing.place, record.jurisdiction)
    text = f"it stands at {name_of(standing.place, where)}, in {land}"
    return yes(text, path, f"sites.{where}.jurisdiction", witness=where) if lies and out else NO


def route(standing: Standing, asked: RouteIs, about: About, name: str) -> Held:
    """The route of the flow, or of any flow that carries the dataset, is all of this."""
    flows = [name] if about is About.FLOWS else [flow for flow, _ in standing.carrying.get(name, ())]
    return any_of(_one_route(standing, asked, flow) for flow in flows)


def _one_route(standing: Standing, asked: RouteIs, flow: str) -> Held:
    hops, path = standing.place.flows[flow].route, f"flows.{flow}.route"
    if hops == UNKNOWN:
        text = f"which way `{flow}` goes is not known"
        return yes(text, path, witness=flow) if asked.not_known else possibly(text, path, flow)
    return all_of(_hops(standing, asked, hops, path)) if not asked.not_known else NO


def _hops(standing: Standing, asked: RouteIs, hops: tuple[str, ...], path: str) -> Iterator[Held]:
    lands = standing.place.jurisdictions
    if asked.passes:
        wanted = {*asked.passes, *standing.within(tuple(land for land in asked.passes if land in lands))}
        yield any_of(_hop(standing, hop, f"{path}[{k}]") for k, hop in enumerate(hops) if hop in wanted)
    if asked.leaves:
        inside = standing.within(asked.leaves)
        out = ((k, hop) for k, hop in enumerate(hops) if hop in lands and hop not in inside)
        yield any_of(_hop(standing, hop, f"{path}[{k}]") for k, hop in out)


def _hop(standing: Standing, hop: str, path: str) -> Held:
    return yes(f"it passes {name_of(standing.place, hop)}", path, witness=f"hop {hop}")


_RANK = {"public": 0, "internal": 1, "restricted": 2, "secret": 3}


def data(standing: Standing, asked: DataIs, about: About, name: str) -> Held:
    """One dataset of the subject is all of this."""
    return any_of(_one_dataset(standing, asked, dataset) for dataset in standing.datasets_of(about, name))


def _one_dataset(standing: Standing, asked: DataIs, name: str) -> Held:
    record = standing.place.datasets.get(name)
    if record is None or (asked.named and name not in asked.named):
        return NO
    if asked.personal is not None and record.personal is not asked.personal:
        return NO
    if asked.sensitivity_from is not None and _RANK[record.sensitivity] < _RANK[asked.sensitivity_from]:
        return NO
    if asked.categories and not set(asked.categories) & set(record.categories):
        return NO
    personal = ", personal" if record.personal else ""
    what = yes(f"{name_of(standing.place, name)} is {record.sensitivity}{personal}", f"datasets.{name}", witness=name)
    return all_of((what, *_retention(asked, name, record.retention_days)))


def _retention(asked: DataIs, name: str, days: int | Literal["unknown"]) -> Iterator[Held]:
    path = f"datasets.{name}.retention_days"
    if asked.retention_not_known:
        yield yes("how long it is kept is not known", path) if days == UNKNOWN else NO
    if asked.retention_over_days is not None:
        if days == UNKNOWN:
            yield possibly("how long it is kept is not known", path)
        else:
            yield yes(f"it is kept {days} days", path) if days > asked.retention_over_days else NO


def thing(standing: Standing, asked: ThingIs, about: About, name: str) -> Held:
    """The system or device is all of this; an access is judged by its target."""
    target = standing.place.accesses[name].target if about is About.ACCESSES else name
    record, path = standing.thing(target), standing.path_of(target)
    if record is None:
        return NO
    services = standing.place.services
    kinds = {services[s].kind for s in standing.works_for.get(standing.group(target), ()) if s in services}
    served = [kind for kind in asked.services if kind in kinds]
    so = (
        not asked.kinds or (isinstance(record, System) and record.kind in asked.kinds),
        not asked.models or (isinstance(record, Device) and record.model in asked.models),
        not asked.zones or record.zone in asked.zones,
        asked.critical is None or (isinstance(record, System) and record.critical is asked.critical),
        not asked.services or bool(served),
    )
    return yes(_described(standing, asked, target, served), path) if all(so) else NO


def _described(standing: Standing, asked: ThingIs, target: str, served: list[str]) -> str:
    record = standing.thing(target)
    words = [f"a {record.kind} system"] if asked.kinds and isinstance(record, System) else []
    words += (
        [f"of the model {name_of(standing.place, record.model)}"] if asked.models and isinstance(record, Device) else []
    )
    words += [f"in the zone {record.zone}"] if asked.zones and record is not None else []
    words += [] if asked.critical is None else ["critical" if asked.critical else "not critical"]
    words += [f"at work for {', '.join(served)}"] if served else []
    return f"{name_of(standing.place, standing.group(target))} is {', '.join(words)}"


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
    those = [holder for role in roles for holder in standing.holders(role, about, name)]
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
