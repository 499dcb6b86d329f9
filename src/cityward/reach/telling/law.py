"""Templates of law, nexus and control."""

from __future__ import annotations

from cityward.place.parties import Stake
from cityward.place.record import UNKNOWN
from cityward.reach.exposure.nodes import Predicate, Rule
from cityward.reach.telling.names import ROLES, Said, Template

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


def _runs_something(said: Said) -> str:
    """Of a step whose first line is `systems.x.operator`, or another field of a thing."""
    _, thing, field = said.paths[0].split(".")
    what = f"{ROLES[field.partition('[')[0]]} {said.name(thing)}"
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


LAW: dict[Rule, Template] = {
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
}
