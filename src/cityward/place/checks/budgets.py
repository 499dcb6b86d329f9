"""Budgets: that each is of one thing, bounds something, and can be kept.

What a budget is of is looked up here, not among the references: flows and devices need not share a namespace for its sake.
"""

from __future__ import annotations

from collections.abc import Iterator

from cityward.place.budgets import PLACE
from cityward.place.checks.whole import Problem, Whole, Word
from cityward.place.hints import did_you_mean, listed
from cityward.place.registry import ENTRY_PROTOCOLS


def budgets_are_of_one_thing(whole: Whole) -> Iterator[Problem]:
    """`of` names one thing that is there; no thing has two budgets; a budget bounds something."""
    first: dict[str, str] = {}
    for name, budget in whole.place.budgets.items():
        path, kinds = f"budgets.{name}", _kinds(whole, budget.of)
        if not kinds:
            known = [*whole.group_of, *whole.place.flows, *whole.place.parties, PLACE]
            what = f"found `{budget.of}`, which is no device, member, flow or party{did_you_mean(budget.of, known)}"
            yield Problem(f"{path}.of", what, f"name one of them, or `{PLACE}` for all that comes in")
        elif len(kinds) > 1:
            what = f"`{budget.of}` is {' and '.join(kinds)}: it is not said which of them the budget is of"
            yield Problem(f"{path}.of", what, "give one of them another id")
        if (other := first.setdefault(budget.of, name)) != name:
            what = f"`{budget.of}` has a budget already, `{other}`"
            yield Problem(f"{path}.of", what, "keep one of the two")
        bounds = (budget.messages_per_minute, budget.bytes_per_minute, budget.connections)
        if all(bound is None for bound in bounds):
            what, mend = "bounds nothing", "give it `messages_per_minute`, `bytes_per_minute` or `connections`"
            yield Problem(path, what, mend)


def _kinds(whole: Whole, of: str) -> list[str]:
    """What there is of this name, in words."""
    found = {
        "a device": of in whole.group_of,
        "a flow": of in whole.place.flows,
        "a party": of in whole.place.parties,
        "the whole place": of == PLACE,
    }
    return [kind for kind, there in found.items() if there]


def budgets_bound_something(whole: Whole) -> Iterator[Problem]:
    """A budget under which nothing can come: its party has no devices, its flow no device at its beginning."""
    for name, budget in whole.place.budgets.items():
        kinds = _kinds(whole, budget.of)
        idle = (kinds == ["a party"] and not _devices_of(whole, budget.of)) or (
            kinds == ["a flow"] and not _enters(whole, budget.of)
        )
        if idle:
            what = f"budget `{name}` is of `{budget.of}`, over which no device sends anything to the platform"
            mend = f"leave it out, or name a flow that enters by {listed(sorted(ENTRY_PROTOCOLS))}, or its party"
            yield Problem(f"budgets.{name}.of", what, mend, Word.IDLE)


def _devices_of(whole: Whole, party: str) -> bool:
    models = whole.place.device_models
    return any(
        party in (device.owner, device.operator, models[device.model].maker if device.model in models else None)
        for device in whole.place.devices.values()
    )


def _enters(whole: Whole, name: str) -> bool:
    flow = whole.place.flows[name]
    return flow.protocol in ENTRY_PROTOCOLS and whole.device(flow.from_) is not None
