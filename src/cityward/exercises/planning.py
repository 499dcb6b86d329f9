"""Plans made, checked and joined: the same declaration, scenario and seed give the same plan, byte for byte.

Does not live here: what a plan is made of (`steps`, `scenario`), carrying it out (`compose/exercising`).
INVARIANT: a plan that leaves here is bounded, its keys are unique, and each must counts from a step that it has.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

import msgspec
import numpy as np

from cityward.evidence.records import CommandIssued
from cityward.exercises.scenario import Must, NotStaged, Plan, Scenario
from cityward.exercises.scene import Scene
from cityward.exercises.seen import Seen
from cityward.exercises.steps import Ask, Deed, Do, Persona, Send, Step

MOST_STEPS = 5_000
MOST_COPIES = 100_000  # of one step
MOST_BODY = 1 << 20
STRANGERS = 8  # addresses of one scenario
LONGEST_S = 6 * 3600.0  # city seconds, with all settling: six minutes at sixty times the street's speed


class PlanError(ValueError):
    """A scenario made a plan that cannot be carried out: the scenario's fault, not the city's."""


def planned(scenario: Scenario, scene: Scene, seed: int) -> Plan | NotStaged:
    """The scenario's plan for a place. Its chances are its own: no other scenario moves them.

    Raises:
        PlanError: the plan cannot be carried out.
    """
    word = hashlib.sha256(scenario.id.encode()).digest()
    chance = np.random.default_rng([seed, *np.frombuffer(word, np.uint32).tolist()])
    if scenario.hour is not None:
        scene = replace(scene, began=scene.next_hour(scenario.hour))
    plan = scenario.plan(replace(scene, strangers=_strangers_of(scenario)), chance)
    if not isinstance(plan, Plan):
        return plan
    for fault in faults(plan):
        raise PlanError(f"{scenario.id}: {fault}")
    return replace(plan, began=scene.began)


def _strangers_of(scenario: Scenario) -> int:
    digits = "".join(c for c in scenario.id if c.isdecimal())
    return STRANGERS * int(digits[:2] or 0)


def faults(plan: Plan) -> Iterable[str]:
    """What keeps a plan from being carried out."""
    keys = [step.key for step in plan.steps]
    yield from (f"the key `{key}` stands twice" for key, n in Counter(keys).items() if n > 1)
    yield from (f"the must `{one}` stands twice" for one, n in Counter(m.id for m in plan.musts).items() if n > 1)
    yield from (f"the must `{m.id}` counts from `{m.since}`, no step" for m in plan.musts if m.since not in keys)
    if not plan.steps or not plan.musts:
        yield "a plan has steps, and something that must come of them"
    if len(plan.steps) > MOST_STEPS:
        yield f"{len(plan.steps)} steps are more than {MOST_STEPS}"
    if over(plan) > LONGEST_S:
        yield f"{over(plan):.0f} city seconds are more than {LONGEST_S:.0f}"
    people = {persona.name for persona in plan.personas}
    for step in plan.steps:
        yield from _step_faults(step, people)


def _step_faults(step: Step, people: set[str]) -> Iterable[str]:
    if step.at_s < 0:
        yield f"`{step.key}` is before the beginning"
    if isinstance(step, Do):
        if step.by and step.by not in people:
            yield f"`{step.key}` is done by `{step.by}`, no persona"
        return
    if not 1 <= step.copies <= MOST_COPIES or step.spread_s < 0:
        yield f"`{step.key}` has {step.copies} copies over {step.spread_s} s"
    if len(step.body) > MOST_BODY:
        yield f"`{step.key}` carries {len(step.body)} bytes"
    if isinstance(step, Ask) and step.who and not step.who.startswith("recipient:") and step.who not in people:
        yield f"`{step.key}` is asked by `{step.who}`, no persona"


def over(plan: Plan) -> float:
    """When a plan is over at the latest, in city seconds from its beginning."""
    return last_step(plan) + plan.settle_s


def last_step(plan: Plan) -> float:
    """When the last step is carried out, with its copies."""
    return max((step.at_s + (0.0 if isinstance(step, Do) else step.spread_s) for step in plan.steps), default=0.0)


def outline(plan: Plan) -> bytes:
    """All of a plan but its predicates, in one canonical form."""
    facts = {
        "steps": [(type(step).__name__, msgspec.to_builtins(step)) for step in plan.steps],
        "musts": [(m.id, m.kind, m.said, m.since, m.within_s, m.failing) for m in plan.musts],
        "personas": [msgspec.to_builtins(persona) for persona in plan.personas],
        "rest": [plan.services, plan.subjects, plan.roles, plan.settle_s, plan.alarms],
    }
    return msgspec.json.encode(facts, order="deterministic")


def joined(plans: Mapping[str, Plan], apart_s: float = 0.0) -> Plan:
    """Several plans at once, the second `apart_s` city seconds after the first, and so on.

    Keys of steps and ids of musts get the name of their plan before them (`S-05.probe`); each must sees only its own plan's
    steps. People of the same name are one person, and must be declared alike.

    Raises:
        PlanError: two plans mean different people by one name.
    """
    people: dict[str, Persona] = {}
    for plan in plans.values():
        for persona in plan.personas:
            if people.setdefault(persona.name, persona) != persona:
                raise PlanError(f"two plans mean different people by `{persona.name}`")
    late = {name: n * apart_s for n, name in enumerate(plans)}
    return Plan(
        steps=tuple(_named(step, name, late[name]) for name, plan in plans.items() for step in plan.steps),
        musts=tuple(_seeing_own(must, name) for name, plan in plans.items() for must in plan.musts),
        services=_all(plan.services for plan in plans.values()),
        subjects=_all(plan.subjects for plan in plans.values()),
        personas=tuple(people.values()),
        roles=_all(plan.roles for plan in plans.values()),
        settle_s=max(over(plan) + late[name] for name, plan in plans.items())
        - max(last_step(plan) + late[name] for name, plan in plans.items()),
        alarms=_all(plan.alarms for plan in plans.values()),
        wrong=lambda command: any(is_wrong(plan, command) for plan in plans.values()),
    )


MARRING = frozenset({Deed.DECLARE, Deed.END, Deed.HOLD, Deed.FILL, Deed.CONTAIN, Deed.POSTURE})
"""Deeds after which a twin is no quiet city any more."""


def batches(plans: Mapping[str, Plan], most: int = 6) -> list[list[str]]:
    """Which plans may share a twin, one after another; in the order of the plans.

    None of them speaks for a unit, revokes or silences a thing that another one does; one that mars the twin is the last. Where
    processes differ they do not share: a twin runs no more than it needs. Nor where one begins in the dark and another does not.
    """
    shared: list[list[str]] = []
    for name, plan in plans.items():
        fits = (one for one in shared if len(one) < most and all(_apart(plans[other], plan) for other in one))
        found = next(fits, None)
        if found is None:
            shared.append([name])
        elif mars(plan):
            found.append(name)
        else:
            found.insert(sum(not mars(plans[one]) for one in found), name)
    return shared


def mars(plan: Plan) -> bool:
    """The twin is of no use to others after this."""
    return any(isinstance(step, Do) and step.deed in MARRING for step in plan.steps)


def _apart(one: Plan, other: Plan) -> bool:
    if mars(one) and mars(other):
        return False
    alike = set(one.roles) == set(other.roles) and one.began == other.began
    return alike and _touched(one).isdisjoint(_touched(other))


def _touched(plan: Plan) -> set[str]:
    """Names of what its steps are about: units without their number, recipients, subjects of the plan itself."""
    names = set(plan.subjects)
    for step in plan.steps:
        if isinstance(step, Send):
            names.add(_group(step.unit))
        elif isinstance(step, Ask) and step.who.startswith("recipient:"):
            names.add(step.who)
        elif isinstance(step, Do):
            said = step.said or {}
            words = [*said.get("of", "").split(","), *(said.get(word, "") for word in ("unit", "recipient"))]
            names.update(_group(word.strip()) for word in words if word)
    return names


def _group(unit: str) -> str:
    """A member's group, as far as its name tells: `loops-07` -> `loops`."""
    head, _, number = unit.rpartition("-")
    return head if head and number.isdigit() else unit


def _all(lists: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for list_ in lists for one in list_))


def is_wrong(plan: Plan, command: CommandIssued) -> bool:
    """The city gave this command only because of the attack."""
    if plan.wrong is not None:
        return plan.wrong(command)
    return not spoken_for(plan).isdisjoint(command.sources)


def spoken_for(plan: Plan) -> frozenset[str]:
    """Units in whose name something is sent."""
    return frozenset(step.unit for step in plan.steps if isinstance(step, Send))


def _named(step: Step, name: str, late_s: float) -> Step:
    key, at_s = f"{name}.{step.key}", step.at_s + late_s
    if isinstance(step, Do):
        said = step.said
        if step.deed is Deed.LIFT and said and "of" in said:
            said = {**said, "of": f"{name}.{said['of']}"}
        return replace(step, key=key, at_s=at_s, said=said)
    if isinstance(step, Send):
        return replace(step, key=key, at_s=at_s, client=f"{name}.{step.client}" if step.client else "")
    return replace(step, key=key, at_s=at_s)


def _seeing_own(must: Must, name: str) -> Must:
    def when(seen: Seen) -> int | None:
        return must.when(_own(seen, name))

    return replace(must, id=f"{name}.{must.id}", since=f"{name}.{must.since}", when=when)


def _own(seen: Seen, name: str) -> Seen:
    """What was seen, with only one plan's steps, under their own keys."""
    head = f"{name}."
    return replace(
        seen,
        done={key.removeprefix(head): at for key, at in seen.done.items() if key.startswith(head)},
        answers={key.removeprefix(head): one for key, one in seen.answers.items() if key.startswith(head)},
    )
