"""Budgets: that each is of one thing, bounds something, and can be kept.

What a budget is of is looked up here, not among the references: flows and devices need not share a namespace for its sake.
"""

from __future__ import annotations

from collections.abc import Iterator

from cityward.place.budgets import PLACE
from cityward.place.checks.whole import Problem, Whole, Word
from cityward.place.hints import did_you_mean, listed
from cityward.place.registry import ENTRY_PROTOCOLS
from cityward.place.things import Device


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


def budgets_hold_what_one_device_may_send(whole: Whole) -> Iterator[Problem]:
    """A budget that devices share, which one of them may use up by its own limits: it keeps them apart from nobody."""
    for name, budget in whole.place.budgets.items():
        entering = {flow: whole.place.flows[flow].limits for flow in _flows_under(whole, budget.of)}
        alone = budget.of in whole.group_of and not _is_group(whole, budget.of)
        for flow, limits in entering.items():
            told = f"budget `{name}` takes %s a minute, and %s over flow `{flow}` may %s"
            if not alone and (most := budget.messages_per_minute) is not None and most < limits.messages_per_minute:
                sent = f"send {limits.messages_per_minute}"
                what = told % (f"{most} messages", "one device alone", sent)
                mend = f"lower flows.{flow}.limits.messages_per_minute, or raise the budget"
                yield Problem(f"budgets.{name}.messages_per_minute", what, mend, Word.NARROW)
            if (most := budget.bytes_per_minute) is not None and most < limits.max_message_bytes:
                what = told % (f"{most} bytes", "one message", f"have {limits.max_message_bytes}")
                mend = f"lower flows.{flow}.limits.max_message_bytes, or raise the budget"
                yield Problem(f"budgets.{name}.bytes_per_minute", what, mend, Word.NARROW)


def _flows_under(whole: Whole, of: str) -> Iterator[str]:
    """The flows by which what shares a budget of this name enters."""
    for name, flow in whole.place.flows.items():
        group = whole.group_of.get(flow.from_)
        if group is None or flow.protocol not in ENTRY_PROTOCOLS:
            continue
        theirs = of in whole.place.parties and of in _parties_of(whole, whole.place.devices[group])
        if of in (name, flow.from_, group, PLACE) or whole.group_of.get(of) == flow.from_ or theirs:
            yield name


def _is_group(whole: Whole, name: str) -> bool:
    device = whole.place.devices.get(name)
    return device is not None and bool(device.positions)


def _parties_of(whole: Whole, device: Device) -> tuple[str | None, ...]:
    model = whole.place.device_models.get(device.model)
    return device.owner, device.operator, model.maker if model else None


def _devices_of(whole: Whole, party: str) -> bool:
    return any(party in _parties_of(whole, device) for device in whole.place.devices.values())


def _enters(whole: Whole, name: str) -> bool:
    flow = whole.place.flows[name]
    return flow.protocol in ENTRY_PROTOCOLS and whole.device(flow.from_) is not None
