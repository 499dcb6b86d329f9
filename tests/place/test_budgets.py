"""Declared budgets: what is wrong with one, what one covers, and the classes of devices."""

from __future__ import annotations

import pytest

from cityward.place.checks.whole import Word
from cityward.place.priority import priorities
from cityward.place.registry import CONNECTIONS, number
from cityward.place.services import Priority
from declarations import TOWN, errors_of, loaded, town

HEAD = "\nbudgets:\n"


def with_budgets(*lines: str) -> str:
    return TOWN + HEAD + "".join(f"  {line}\n" for line in lines)


WRONG = {
    "of nothing": (
        "b: {of: counter-9, connections: 1}",
        "which is no device, member, flow or party (did you mean `counter-1`?)",
    ),
    "of a dataset": ("b: {of: counts, connections: 1}", "which is no device, member, flow or party"),
    "bounds nothing": ("b: {of: acme}", "bounds nothing"),
    "none": ("b: {of: acme, messages_per_minute: 0}", "messages_per_minute"),
}


@pytest.mark.parametrize(("line", "said"), WRONG.values(), ids=WRONG)
def test_says_what_is_wrong_with_a_budget(line: str, said: str) -> None:
    [message] = errors_of(with_budgets(line))
    assert said in message
    assert "budgets.b" in message and "mend:" in message


def test_no_thing_has_two_budgets() -> None:
    [message] = errors_of(with_budgets("a: {of: acme, connections: 5}", "b: {of: acme, connections: 6}"))
    assert "`acme` has a budget already, `a`" in message


def test_a_name_of_two_things_is_told_apart_first() -> None:
    text = town(("  counts-in: {from", "  acme: {from")) + HEAD + "  b: {of: acme, connections: 5}\n"
    [message] = errors_of(text)
    assert "`acme` is a flow and a party" in message


def test_a_budget_under_which_nothing_comes_is_a_warning() -> None:
    found = loaded(with_budgets("a: {of: acme-group, connections: 5}", "b: {of: to-acme, connections: 5}")).warnings
    assert [(w.word, w.path) for w in found] == [(Word.IDLE, "budgets.a.of"), (Word.IDLE, "budgets.b.of")]


@pytest.mark.parametrize(
    ("of", "flows"),
    [
        ("lamps", ["levels-in"]),
        ("levels-in", ["levels-in"]),
        ("council", ["counts-in", "levels-in"]),
        ("place", ["counts-in", "levels-in"]),
    ],
)
def test_a_shared_budget_that_one_device_may_use_up_is_a_warning(of: str, flows: list[str]) -> None:
    found = loaded(with_budgets(f"b: {{of: {of}, messages_per_minute: 599}}")).warnings  # a device may send 600
    assert [(w.word, w.path) for w in found] == [(Word.NARROW, "budgets.b.messages_per_minute")] * len(flows)
    assert all(f"flow `{flow}` may send 600" in warning.what for flow, warning in zip(flows, found, strict=True))
    assert loaded(with_budgets(f"b: {{of: {of}, messages_per_minute: 600}}")).warnings == ()


@pytest.mark.parametrize("of", ["counter-1", "lamps-02", "lamps", "counts-in"])
def test_a_budget_that_a_permitted_message_cannot_pass_is_a_warning(of: str) -> None:
    found = loaded(with_budgets(f"b: {{of: {of}, bytes_per_minute: 65535}}")).warnings
    assert [(w.word, w.path) for w in found] == [(Word.NARROW, "budgets.b.bytes_per_minute")]
    assert "one message over flow" in found[0].what and "may have 65536" in found[0].what
    assert loaded(with_budgets(f"b: {{of: {of}, bytes_per_minute: 65536}}")).warnings == ()


def test_a_budget_of_one_device_may_be_lower_than_its_flows_limit() -> None:
    assert (
        loaded(
            with_budgets("a: {of: counter-1, messages_per_minute: 9}", "b: {of: lamps-02, messages_per_minute: 9}")
        ).warnings
        == ()
    )


def test_a_party_answers_for_what_it_makes_owns_or_operates() -> None:
    registry = number(loaded(with_budgets("a: {of: acme, messages_per_minute: 9}")).place)
    [budget] = registry.budgets
    assert [registry.units[u].id for u in budget.covers] == ["counter-1", "lamps-01", "lamps-02"]  # it makes them all
    owned = number(loaded(with_budgets("a: {of: council, messages_per_minute: 9}")).place)
    assert len(owned.budgets[0].covers) == 3


def test_a_device_is_held_to_the_lower_of_its_flows_limit_and_its_own_budget() -> None:
    text = with_budgets(
        "a: {of: counter-1, messages_per_minute: 60, bytes_per_minute: 9000, connections: 3}",
        "b: {of: lamps-02, messages_per_minute: 100000}",
    )
    registry = number(loaded(text).place)
    by_id = registry.unit_index
    derived = 10 * 65_536  # more than 600 KiB
    assert registry.unit_limits[by_id["counter-1"]].tolist() == [60, 9000]
    assert registry.unit_limits[by_id["lamps-01"]].tolist() == [600, derived]
    assert registry.unit_limits[by_id["lamps-02"]].tolist() == [600, derived]
    assert registry.unit_connections[by_id["counter-1"]] == 3
    assert registry.unit_connections[by_id["lamps-01"]] == CONNECTIONS
    assert registry.budgets == ()  # of one device each


GROUPS = {"lamps": "lamps", "lamps-01": "lamps", "lamps-02": "lamps", "counter-1": "counter-1"}


def ranks(*edits: tuple[str, str]) -> dict[str, Priority]:
    return priorities(loaded(town(*edits)).place, GROUPS)


LIT = "  lit: {service: lights, needs: [{of: [lamps-01, lamps-02], k: 1}], areas: [quay]}"


def test_what_a_function_needs_is_important_and_critical_where_it_is_essential() -> None:
    assert ranks() == {"lamps-01": Priority.IMPORTANT, "lamps-02": Priority.IMPORTANT}
    assert set(ranks((LIT, LIT.replace("areas", "essential: true, areas"))).values()) == {Priority.CRITICAL}


def test_what_is_needed_in_turn_and_what_the_service_reads_counts_too() -> None:
    reading = ("actuators: [lamps], settings", "actuators: [lamps], reads: [counts], settings")
    assert ranks(reading)["counter-1"] is Priority.IMPORTANT
    lamps = "owner: council, positions: [[2.3, 54.9], [2.31, 54.9]]"
    turn = (lamps, "needs: [{of: [cityward]}], " + lamps)
    system = ("zone: core, operator: council}", "zone: core, operator: council, needs: [{of: [counter-1]}]}")
    assert ranks(turn, system)["counter-1"] is Priority.IMPORTANT


def test_the_highest_class_counts() -> None:
    both = LIT + "\n  safe: {service: lights, needs: [{of: [lamps-02]}], essential: true}"
    assert ranks((LIT, both)) == {"lamps-01": Priority.IMPORTANT, "lamps-02": Priority.CRITICAL}
