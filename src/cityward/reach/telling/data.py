"""Templates of data, of what fails, and of who is near."""

from __future__ import annotations

from cityward.place.record import UNKNOWN
from cityward.reach.exposure.nodes import Mode, Predicate, Rule
from cityward.reach.telling.names import ROLES, Said, Template

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


def _near_thing(said: Said) -> str:
    kind, _, rest = said.paths[-1].partition(".")
    field = rest.rpartition(".")[2].partition("[")[0]
    if kind == "accesses":
        return f"{said.given} has an access to {said.subject}."
    return (
        f"{said.given} {'runs the site of' if kind == 'sites' else ROLES.get(field, 'has to do with')} {said.subject}."
    )


def _near_data(said: Said) -> str:
    if said.premises[0].predicate is Predicate.THING:
        return f"{said.subject} is at {said.given}."
    if said.premises[0].predicate is Predicate.DATASET:
        return ""
    return f"{said.given} is named with {said.subject} by {said.name(said.paths[0].split('.')[1])}."


DATA: dict[Rule, Template] = {
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
