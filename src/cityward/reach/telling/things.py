"""Templates of places, things and the ways into them."""

from __future__ import annotations

from cityward.reach.exposure.nodes import Mode, Predicate, Rule
from cityward.reach.telling.names import Said, Template

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


THINGS: dict[Rule, Template] = {
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
}
