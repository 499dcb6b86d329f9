"""A derivation in words: sentences a council officer can read, each with the lines it rests on.

Lives here: one template for each rule. Wording is neutral: a stake below half is never called control, and no sentence says that
somebody does something, only what the declaration says and what follows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cityward.place.model import Place
from cityward.place.parties import Stake
from cityward.place.record import UNKNOWN, Record
from cityward.reach.exposure.clauses import Model, Paths
from cityward.reach.exposure.derive import Derivation, Step
from cityward.reach.exposure.nodes import Mode, Node, Predicate, Rule


@dataclass(frozen=True, slots=True)
class Sentence:
    """One step. `missing` names the fact that is not known, where the step is only possible."""

    text: str
    rule: str
    paths: Paths
    missing: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What a template is given: the step's head and premises, and the names of things."""

    place: Place
    head: Node
    premises: tuple[Node, ...]
    paths: Paths

    def name(self, subject: str) -> str:
        """What people call it: the record's name, or its id."""
        return name_of(self.place, subject)

    @property
    def subject(self) -> str:
        """The name of what the head is about."""
        return self.name(self.head.subject)

    @property
    def given(self) -> str:
        """The name of what the first premise is about."""
        return self.name(self.premises[0].subject)


Template = Callable[[Said], str]


def tell(place: Place, model: Model, derivation: Derivation) -> tuple[Sentence, ...]:
    """The steps of a derivation, in order. Steps that only hand a statement on are left out."""
    told: list[Sentence] = []
    for step in derivation.steps:
        rule = model.rule_of(step.clause)
        text = TEMPLATES[rule](_said(place, model, step)) if rule in TEMPLATES else ""
        if text:
            told.append(Sentence(text, rule.value, model.paths_of(step.clause), model.missing_of(step.clause)))
    return tuple(told)


def conclusion(place: Place, scenario: Node, item: Node, *, certain: bool) -> str:
    """The last sentence: what follows for whom."""
    if item.detail == Mode.NEAR:
        near = f"could address somebody who has to do with {name_of(place, item.subject)}"
        return f"So {subject_of(place, scenario)} {near}; by what is declared, it is not reached that way."
    verb = DONE[item.predicate, Mode(item.detail)].format(name_of(place, item.subject))
    if not certain:
        return f"So, if what is not known is so, {subject_of(place, scenario)} could {verb}."
    return f"So {subject_of(place, scenario)} could {verb}."


def subject_of(place: Place, scenario: Node) -> str:
    """Who a scenario is about, in words."""
    who = name_of(place, scenario.subject)
    return {
        Predicate.PARTY: who,
        Predicate.LAW_PARTY: f"{who}, through parties,",
        Predicate.LAW_PLACE: f"{who}, through what lies or passes there,",
        Predicate.NEXUS_PARTY: f"{who}, had it an instrument over its parties,",
        Predicate.NEXUS_PLACE: f"{who}, had it an instrument over what lies or passes there,",
    }.get(scenario.predicate, who)


DONE: Mapping[tuple[Predicate, Mode], str] = {
    (Predicate.DATASET, Mode.READ): "read {}",
    (Predicate.DATASET, Mode.WRITE): "falsify {}",
    (Predicate.DATASET, Mode.HOLD): "hold {}, perhaps sealed",
    (Predicate.THING, Mode.READ): "read what is in {}",
    (Predicate.THING, Mode.WRITE): "change what is in {}",
    (Predicate.THING, Mode.COMMAND): "command {}",
    (Predicate.THING, Mode.UPDATE): "change the software of {}",
    (Predicate.THING, Mode.PHYSICAL): "lay hands on {}",
    (Predicate.THING, Mode.STOP): "stop {}",
    (Predicate.SERVICE, Mode.COMMAND): "command what {} commands",
    (Predicate.SERVICE, Mode.MISLEAD): "mislead {}",
    (Predicate.FUNCTION, Mode.STOP): "stop this: {}",
}
"""What a mode means, as a verb of an item's name."""


def name_of(place: Place, subject: str) -> str:
    """The name of a record of any kind, or its id. An instrument's level of share is left out."""
    subject = subject.partition(" ")[0]
    for kind in _KINDS:
        records: Mapping[str, Record] = getattr(place, kind)
        if subject in records:
            return records[subject].name or subject
    return subject


_KINDS = (
    "parties", "jurisdictions", "instruments", "systems", "devices", "datasets", "services", "functions", "sites",
    "agreements", "accesses", "keys", "flows",
)  # fmt: skip


def _said(place: Place, model: Model, step: Step) -> Said:
    known = model.nodes.known
    return Said(place, known[step.head], tuple(known[i] for i in step.premises), model.paths_of(step.clause))


# --- law


def _instrument(said: Said) -> str:
    instrument = said.place.instruments[said.head.subject]
    status = " Its status is contested." if instrument.status == "contested" else ""
    whose, powers = said.name(instrument.jurisdiction), ", ".join(instrument.powers)
    rests_on = "; ".join(filter(None, (instrument.citation, instrument.source and f"as told by {instrument.source}")))
    cited = f" ({rests_on})" if rests_on else ""
    return f"{said.subject}, an instrument of {whose}{cited}, gives powers to {powers}.{status}"


def _incorporated(said: Said) -> str:
    party = said.place.parties[said.head.subject]
    if party.incorporated_in == UNKNOWN:
        return f"Where {said.subject} is incorporated is not known."
    where = f"{said.subject} is incorporated in {said.name(party.incorporated_in)}"
    return f"{where}{_so_addressed(said)}."


def _present(said: Said) -> str:
    return f"{said.subject} has a presence there{_so_addressed(said)}."


def _state_body(said: Said) -> str:
    if said.place.parties[said.head.subject].incorporated_in == UNKNOWN:
        return f"{said.subject} is a state body; of which state is not known."
    return f"{said.subject} is a state body of {said.given}."


def _anyone(said: Said) -> str:
    """Told only where it is not known of which state a body is: the unknown party may be it."""
    for name in (path.split(".")[1] for path in said.paths if path.endswith(".incorporated_in")):
        if said.place.parties[name].incorporated_in == UNKNOWN:
            return f"{said.name(name)} is a state body; of which state is not known."
    return ""


def _serves_there(said: Said) -> str:
    if said.head.predicate in (Predicate.MAY_SERVE, Predicate.UNKNOWN_SERVES):
        return _runs_something(said)
    if said.head.predicate is Predicate.ANY_ADDRESSEE:
        where = said.premises[-1].subject
        if where == UNKNOWN:
            return f"Where that stands is not known either, and {said.subject} addresses whoever serves there."
        return f"{said.subject} addresses whoever serves in {said.name(where)}."
    return _serving(said) if said.head.predicate is Predicate.ADDRESSEE else ""


def _serving(said: Said) -> str:
    instrument, whose = said.name(said.head.detail), said.place.instruments[said.head.detail].jurisdiction
    from_what = {premise.predicate for premise in said.premises}
    if Predicate.ANY_ADDRESSEE in from_what:
        return f"That may be {said.subject}, so {instrument} may address it."
    if Predicate.MAY_SERVE in from_what:
        return f"{instrument} addresses whoever serves in {said.name(whose)}, so it may address {said.subject}."
    home = f"parties.{said.head.subject}.incorporated_in"
    if home in said.paths and said.place.parties[said.head.subject].incorporated_in == UNKNOWN:
        return f"Where {said.subject} is incorporated is not known, so {instrument} may address it."
    return f"{said.subject} serves there{_so_addressed(said)}."


RUNS = {"operator": "operates", "supplier": "supplies", "owner": "owns", "maintained_by": "maintains"}


def _runs_something(said: Said) -> str:
    """Of a step whose first line is `systems.x.operator`, or another field of a thing."""
    _, thing, field = said.paths[0].split(".")
    what = f"{RUNS[field.partition('[')[0]]} {said.name(thing)}"
    if said.head.predicate is Predicate.UNKNOWN_SERVES:
        return f"Who {what} is not known: it may be any party."
    return f"{said.subject} {what}; in which jurisdiction that stands is not known."


def _so_addressed(said: Said) -> str:
    addressed = said.head.predicate is Predicate.ADDRESSEE
    return f", so {said.name(said.head.detail)} addresses it" if addressed else ""


def _parent(said: Said) -> str:
    if said.head.predicate is Predicate.HELD:
        return _stakes(said)
    if said.head.predicate is Predicate.ADDRESSEE:
        return f"By that holding {said.name(said.head.detail)} addresses {said.subject}."
    return ""


def _compelled(said: Said) -> str:
    return f"So {said.subject} may be told to {said.head.detail}."


def _belongs(said: Said) -> str:
    if said.place.parties[said.head.subject].incorporated_in == UNKNOWN and said.paths[0].endswith(".incorporated_in"):
        return f"Where {said.subject} is incorporated is not known."
    how = "is incorporated" if said.paths[0].endswith(".incorporated_in") else "has a presence"
    return f"{said.subject} {how} in {said.given}."


# --- control


def _stakes(said: Said) -> str:
    """Who holds what, and nothing about control."""
    owners = said.place.parties[said.head.subject].owners
    if owners == UNKNOWN:
        return f"Who owns {said.subject} is not known."
    names = {premise.subject for premise in said.premises}
    held = [_stake(said, stake) for k, stake in enumerate(owners) if _meant(said, k) and stake.party in names]
    held = held or [_stake(said, stake) for k, stake in enumerate(owners) if _meant(said, k)]
    joined = " and ".join(held)
    return f"{joined}, together half or more." if len(held) > 1 else f"{joined}."


def _meant(said: Said, k: int) -> bool:
    """Whether the step rests on the k-th stake: on its line, or on the line of all of them."""
    return any(path.endswith(f".owners[{k}]") or path.endswith(".owners") for path in said.paths)


def _stake(said: Said, stake: Stake) -> str:
    share = "a share not stated" if stake.share is None else f"{stake.share:g} %"
    owner = said.name(stake.party)
    if stake.mechanism in ("ownership", "voting", "state"):
        of = "of the votes of" if stake.mechanism == "voting" else "of"
        return f"{owner} holds {share} {of} {said.subject}"
    return f"{owner} is joined to {said.subject} by {stake.mechanism}"


def _controls(said: Said) -> str:
    return _stakes(said)


def _owner_unknown(said: Said) -> str:
    return f"Who owns {said.subject} is not known: it may be anybody."


def _subprocessor(said: Said) -> str:
    if said.premises[0].predicate is Predicate.ANYONE:
        return f"To whom {said.subject} hands work is not known."
    return f"{said.subject} hands work to {said.given}; what exactly is not declared."


# --- places and things


def _stands_in(said: Said) -> str:
    if said.premises[0].predicate is Predicate.ANYWHERE:
        return f"Where {said.subject} stands is not known."
    return f"{said.subject} stands in {said.given}."


def _operates(said: Said) -> str:
    if said.premises[0].predicate is Predicate.ANYONE:
        return f"Who operates {said.subject} is not known."
    return f"{said.given} operates {said.subject}."


def _party_of(verb: str, question: str) -> Template:
    def template(said: Said) -> str:
        if said.premises[0].predicate is Predicate.ANYONE:
            return f"Who {question} {said.subject} is not known."
        return f"{said.given} {verb} {said.subject}."

    return template


def _hosts(said: Said) -> str:
    site = said.subject if said.head.predicate is Predicate.SITE else f"the site of {said.subject}"
    if said.premises[0].predicate is not Predicate.ANYONE:
        return f"{said.given} runs {site}."
    if said.paths[-1].endswith(".site"):
        return f"Where {said.subject} stands, and so who runs its site, is not known."
    return f"Who runs {site} is not known."


def _updates(said: Said) -> str:
    if said.premises[0].predicate in (Predicate.ANYONE, Predicate.ANYWHERE, Predicate.SITS_ANYWHERE):
        return f"Where the software of {said.subject} comes from is not known."
    return f"The software of {said.subject} comes from {said.given}."


def _software(said: Said) -> str:
    what = {Mode.READ: "reads what is in it", Mode.WRITE: "changes what is in it"}.get(Mode(said.head.detail), "")
    return f"Who changes the software of {said.subject} {what}." if what else ""


def _access(said: Said) -> str:
    access = said.place.accesses[said.head.subject]
    standing = "a standing access" if access.standing else "an access opened for a task"
    return f"{said.name(access.party)} has {standing} to {said.name(access.target)}: {', '.join(access.modes)}."


def _from_there(said: Said) -> str:
    if said.premises[0].predicate is Predicate.SITS_ANYWHERE:
        return f"From where the access {said.subject} is used is not known."
    return f"The access {said.subject} is used from {said.given}."


# --- data


def _inside(said: Said) -> str:
    if len(said.premises) > 1:
        return f"{said.subject} is sealed at {said.given}; the key is in reach too."
    if said.head.detail == Mode.HOLD:
        return f"{said.subject} is at {said.given}."
    return f"{said.subject} is in the clear at {said.given}."


def _kept(said: Said) -> str:
    kept = f"{said.subject} is kept at {said.given}"
    if said.head.detail == Mode.HOLD:
        return f"{kept}."
    if len(said.premises) > 1:
        return f"{kept} under a key that is in reach too."
    return f"{kept}, and no declared key protects it there."


def _falsified(said: Said) -> str:
    return f"{said.subject} is at {said.given}, where it can be changed."


def _receives(said: Said) -> str:
    return f"{said.given} receives {said.subject}."


def _sends(said: Said) -> str:
    return f"{said.given} sends {said.subject}."


def _hop(said: Said) -> str:
    unknown = (Predicate.ANYONE, Predicate.ANYWHERE, Predicate.PASSES_ANYWHERE)
    if said.premises[0].predicate in unknown:
        return f"What way {said.subject} takes is not known."
    return f"{said.subject} passes {said.given}."


def _tapped(said: Said) -> str:
    if any(path.endswith(".protection") for path in said.paths):
        flow = said.place.flows[said.premises[0].subject]
        how = "without protection" if flow.protection == "none" else "with a protection that is not known"
        return f"{said.given} carries {said.subject} {how}."
    return f"{said.given} carries {said.subject}."


def _key_holder(said: Said) -> str:
    holder = said.place.keys[said.head.subject].holder
    if holder == UNKNOWN:
        return f"Who holds the key {said.subject} is not known."
    return f"{said.name(holder)} holds the key {said.subject}."


def _undefeated(said: Said) -> str:
    what = "a key that the customer holds" if said.head.subject == "at-rest" else "end-to-end protection"
    return f"It is not stated that {what} defeats {said.given}."


def _opened(said: Said) -> str:
    return f"{said.subject} is under a key at {said.given}, which then would not keep it closed."


# --- failing


def _needs(said: Said) -> str:
    names = " and ".join(dict.fromkeys(said.name(premise.subject) for premise in said.premises))
    return f"{said.subject} needs {names}."


# --- near

_ROLES = {
    "operator": "operates",
    "owner": "owns",
    "supplier": "supplies",
    "maintained_by": "maintains",
    "maker": "makes",
}


def _near_thing(said: Said) -> str:
    kind, _, rest = said.paths[-1].partition(".")
    field = rest.rpartition(".")[2].partition("[")[0]
    if kind == "accesses":
        return f"{said.given} has an access to {said.subject}."
    return (
        f"{said.given} {'runs the site of' if kind == 'sites' else _ROLES.get(field, 'has to do with')} {said.subject}."
    )


def _near_data(said: Said) -> str:
    if said.premises[0].predicate is Predicate.THING:
        return f"{said.subject} is at {said.given}."
    if said.premises[0].predicate is Predicate.DATASET:
        return ""
    return f"{said.given} is named with {said.subject} by {said.name(said.paths[0].split('.')[1])}."


TEMPLATES: dict[Rule, Template] = {
    Rule.INSTRUMENT: _instrument,
    Rule.STATE_BODY: _state_body,
    Rule.INCORPORATED: _incorporated,
    Rule.PRESENT: _present,
    Rule.SERVES_THERE: _serves_there,
    Rule.PARENT: _parent,
    Rule.COMPELLED: _compelled,
    Rule.BELONGS: _belongs,
    Rule.CONTROLS: _controls,
    Rule.OWNER_UNKNOWN: _owner_unknown,
    Rule.ANYONE: _anyone,
    Rule.SUBPROCESSOR: _subprocessor,
    Rule.PART_OF: lambda said: f"{said.subject} is part of {said.given}.",
    Rule.STANDS_IN: _stands_in,
    Rule.OPERATES: _operates,
    Rule.OWNS: _party_of("owns", "owns"),
    Rule.HOSTS: _hosts,
    Rule.AT_SITE: lambda said: f"{said.subject} stands at {said.given}.",
    Rule.MAINTAINS: _party_of("maintains", "maintains"),
    Rule.UPDATES: _updates,
    Rule.SOFTWARE: _software,
    Rule.TOLD: lambda said: f"{said.given} tells {said.subject} what to do.",
    Rule.MEMBER: lambda said: f"{said.subject} is one of {said.given}.",
    Rule.ACCESS: _access,
    Rule.FROM_THERE: _from_there,
    Rule.INSIDE: _inside,
    Rule.KEPT: _kept,
    Rule.FALSIFIED: _falsified,
    Rule.RECEIVES: _receives,
    Rule.SENDS: _sends,
    Rule.HOP: _hop,
    Rule.TAPPED: _tapped,
    Rule.KEY_HOLDER: _key_holder,
    Rule.UNDEFEATED: _undefeated,
    Rule.OPENED: _opened,
    Rule.NEEDS: _needs,
    Rule.MISLED: lambda said: f"{said.subject} reads {said.given}.",
    Rule.STEERED: lambda said: f"{said.subject} commands {said.given}.",
    Rule.NEAR_THING: _near_thing,
    Rule.NEAR_DATA: _near_data,
    Rule.NEAR_FUNCTION: lambda said: f"{said.subject} rests on {said.given}.",
}
"""Rules without a template only hand a statement on."""
