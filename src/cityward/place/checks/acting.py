"""What services may do: interlocks that can be read, a fan-out that says something, fixed plans within their kind."""

from __future__ import annotations

from collections.abc import Iterator

from cityward.place.checks.whole import Problem, Whole
from cityward.place.hints import did_you_mean
from cityward.place.services import Hindrance, Interlock, PlanLimits, Service


def services_act_within_limits(whole: Whole) -> Iterator[Problem]:
    """The limits of each service can be kept."""
    for name, service in whole.place.services.items():
        path = f"services.{name}"
        for nth, interlock in enumerate(service.interlocks):
            yield from _interlock(whole, f"{path}.interlocks[{nth}]", service, interlock)
        if service.fan_out is not None and service.fan_out.most is None and service.fan_out.share is None:
            yield Problem(f"{path}.fan_out", "neither `most` nor `share` is given", "give one of them, or both")
        for kind, limits in service.plans.items():
            yield from _fixed(whole, f"{path}.plans.{kind}", limits)


def _interlock(whole: Whole, path: str, service: Service, interlock: Interlock) -> Iterator[Problem]:
    yield from _hindrance(whole, f"{path}.unless", interlock.unless)
    known = {command for a in service.actuators if (made := whole.model(a)) is not None for command in made.commands}
    for nth, command in enumerate(interlock.commands):
        if command not in known:
            what = f"`{command}` is no command of the service's actuators{did_you_mean(command, known)}"
            yield Problem(f"{path}.commands[{nth}]", what, "name a command that an actuator's model declares")


def _hindrance(whole: Whole, path: str, unless: Hindrance) -> Iterator[Problem]:
    if unless.above is None and unless.below is None:
        yield Problem(path, "neither `above` nor `below` is given: it would never hold", "give one of them, or both")
    made = whole.model(unless.device)
    if made is not None and unless.property not in made.properties:
        what = f"`{unless.device}` does not observe `{unless.property}`{did_you_mean(unless.property, made.properties)}"
        mend = "name a property of its model: what is never heard would hinder for ever"
        yield Problem(f"{path}.property", what, mend)


def _fixed(whole: Whole, path: str, limits: PlanLimits) -> Iterator[Problem]:
    at = frozenset(limits.at)
    for nth, name in enumerate(limits.fixed):
        if at and name not in at and whole.group_of.get(name, name) not in at:
            mend = "add it to `at`, or leave it out: the fixed plan would be refused"
            yield Problem(f"{path}.fixed[{nth}]", f"`{name}` is not among `at`", mend)
