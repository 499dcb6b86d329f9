"""The permit gate: what passes, what does not, and what holds for anything at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.guard.confidence import FULL, Confidence
from cityward.guard.permit import (
    MENDS,
    ActuatorRule,
    Allowed,
    Issued,
    PermitReason,
    PermitRules,
    Permitted,
    Proposal,
    Refusal,
    permit,
    rules_for,
)
from cityward.place.independence import Traits
from cityward.place.model import Place
from cityward.place.registry import number
from cityward.place.services import Service
from cityward.place.things import CommandLimits, Device, DeviceModel, DeviceStatus
from cityward.time import HOUR, MINUTE, SECOND

NOW = 1_700_000_000 * SECOND
DIM = CommandLimits(sets="lamp-level", low=10, high=100, per_hour=3, fail_safe=100)
RULES = PermitRules(
    "lighting",
    {
        "lamp-01": ActuatorRule(True, {"dim": DIM}),
        "lamp-02": ActuatorRule(False, {"dim": DIM}),
    },
)
DIMMING = Proposal("lamp-01", "dim", 40.0, {"traffic": "quiet"}, NOW)


def issued(*minutes_ago: float) -> list[Issued]:
    return [Issued("lamp-01", "dim", NOW - round(m * MINUTE)) for m in minutes_ago]


def reason_of(proposal: Any, rules: PermitRules = RULES, recent: list[Issued] | None = None) -> PermitReason | None:
    verdict = permit(proposal, rules, recent or [], NOW)
    return verdict.reason if isinstance(verdict, Refusal) else None


def test_allows_what_the_declaration_allows_and_says_until_when():
    verdict = permit(DIMMING, RULES, [], NOW)
    assert isinstance(verdict, Allowed)
    assert (verdict.service, verdict.device, verdict.sets, verdict.value) == ("lighting", "lamp-01", "lamp-level", 40.0)
    assert verdict.expires_at == NOW + RULES.valid_us


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"device": "lamp-99"}, PermitReason.NOT_AN_ACTUATOR),
        ({"device": "lamp-02"}, PermitReason.INACTIVE_DEVICE),
        ({"command": "open"}, PermitReason.UNDECLARED_COMMAND),
        ({"value": 9.999}, PermitReason.OUT_OF_BOUNDS),
        ({"value": 100.001}, PermitReason.OUT_OF_BOUNDS),
        ({"made_at": NOW + 1}, PermitReason.IN_THE_FUTURE),
        ({"made_at": NOW - RULES.oldest_us - 1}, PermitReason.TOO_OLD),
        ({"value": float("nan")}, PermitReason.MALFORMED),
        ({"value": float("inf")}, PermitReason.MALFORMED),
        ({"value": True}, PermitReason.MALFORMED),
        ({"value": "40"}, PermitReason.MALFORMED),
        ({"cause": {}}, PermitReason.MALFORMED),
        ({"cause": {"why": ""}}, PermitReason.MALFORMED),
        ({"cause": {"why": "\ud800"}}, PermitReason.MALFORMED),
        ({"cause": {str(n): "x" for n in range(17)}}, PermitReason.MALFORMED),
        ({"device": ["lamp-01"]}, PermitReason.MALFORMED),
        ({"sources": ["loop-01"]}, PermitReason.MALFORMED),
        ({"sources": ("loop-01", "loop-01")}, PermitReason.MALFORMED),
        ({"sources": (1,)}, PermitReason.MALFORMED),
        ({"sources": ("x" * 97,)}, PermitReason.MALFORMED),
        ({"sources": tuple(f"loop-{n}" for n in range(129))}, PermitReason.MALFORMED),
        ({"sources": ("loop-99",)}, PermitReason.UNTRUSTED_SOURCE),
    ],
    ids=lambda value: str(value)[:40],
)
def test_refuses_with_its_reason(changes: dict[str, Any], reason: PermitReason):
    assert reason_of(replace(DIMMING, **changes)) is reason


def test_refuses_the_fourth_command_of_an_hour():
    assert reason_of(DIMMING, recent=issued(1, 20)) is None
    assert reason_of(DIMMING, recent=issued(1, 20, 59.9)) is PermitReason.RATE_EXCEEDED


def test_an_hour_slides():
    assert reason_of(DIMMING, recent=issued(1, 20, 60)) is None


def test_the_fail_safe_value_has_one_command_of_its_own():
    to_safety = replace(DIMMING, value=100.0)
    assert reason_of(to_safety, recent=issued(1, 20, 30)) is None
    assert reason_of(to_safety, recent=issued(1, 20, 30, 40)) is PermitReason.RATE_EXCEEDED


def test_commands_of_other_devices_do_not_count():
    others = [Issued("lamp-07", "dim", NOW)] * 10
    assert reason_of(DIMMING, recent=others) is None


def test_a_clock_that_jumped_back_does_not_block_for_longer_than_an_hour():
    assert reason_of(DIMMING, recent=[Issued("lamp-01", "dim", NOW + 2 * HOUR)] * 9) is None
    assert reason_of(DIMMING, recent=[Issued("lamp-01", "dim", NOW + MINUTE)] * 9) is PermitReason.RATE_EXCEEDED


def test_only_the_gate_makes_what_actuators_take():
    allowed = permit(DIMMING, RULES, [], NOW)
    assert isinstance(allowed, Allowed)
    permitted = allowed.seal("service:7")
    assert permitted.record == "service:7"
    fields = {name: getattr(permitted, name) for name in Permitted.__dataclass_fields__ if name != "_seal"}
    with pytest.raises(TypeError, match="only the permit gate"):
        Permitted(**fields, _seal=object())
    with pytest.raises(TypeError, match="evidence record"):
        allowed.seal("")


def test_every_reason_says_how_to_mend_it():
    assert set(MENDS) == set(PermitReason)


def test_rules_spell_a_group_out_as_its_members():
    place = Place(
        place="town",
        name="Town",
        position=(2.0, 55.0),
        responsible="council",
        device_models={"lamp": DeviceModel(maker="unknown", properties={}, commands={"dim": DIM})},
        devices={
            "lamps": Device(model="lamp", site="s", owner="council", positions=((2.0, 55.0), (2.1, 55.0))),
            "stored": Device(model="lamp", site="s", owner="council", status=DeviceStatus.STORED),
            "other": Device(model="lamp", site="s", owner="council"),
        },
    )
    service = Service(kind="lighting", operator="council", actuators=("lamps", "stored"))
    rules = rules_for("lights", service, number(place), valid_us=5)
    assert {unit: rule.active for unit, rule in rules.actuators.items()} == {
        "lamps-01": True,
        "lamps-02": True,
        "stored": False,
    }
    assert rules.valid_us == 5


# -- what a value rests on ---------------------------------------------------------------------------------------------

OWN = {
    "loop-01": Traits("council", "tessel", "street"),
    "loop-02": Traits("council", "tessel", "street"),
    "cam-01": Traits("harbour", "bolt", "quay"),
    "radar-01": Traits("council", "bolt", "quay"),
    "odd-01": Traits("somebody", None, "field"),
}


def judged(
    sources: tuple[str, ...], confidence: Confidence = FULL, value: float = 40.0, **limits: Any
) -> PermitReason | None:
    fields = {"sets": "lamp-level", "low": 10.0, "high": 100.0, "fail_safe": 100.0, **limits}
    rules = PermitRules("lighting", {"lamp-01": ActuatorRule(True, {"dim": CommandLimits(**fields)})}, OWN)
    verdict = permit(replace(DIMMING, value=value, sources=sources), rules, [], NOW, confidence)
    return verdict.reason if isinstance(verdict, Refusal) else None


QUARANTINE = Confidence(quarantined=frozenset({"loop-01"}))


def test_refuses_what_rests_on_a_quarantined_source():
    assert judged(("loop-01", "loop-02")) is None
    assert judged(("loop-01", "loop-02"), QUARANTINE) is PermitReason.UNTRUSTED_SOURCE
    assert judged(("loop-02",), QUARANTINE) is None


def test_refuses_what_rests_on_a_source_trusted_less_than_the_command_asks():
    doubted = Confidence(trust={"loop-01": 0.7})
    assert judged(("loop-01",), doubted) is None
    assert judged(("loop-01",), doubted, least_trust=0.8) is PermitReason.UNTRUSTED_SOURCE
    assert judged(("loop-01",), Confidence(trust={"loop-01": 0.8}), least_trust=0.8) is None


def test_trust_that_is_no_number_is_no_trust():
    assert judged(("loop-01",), Confidence(trust={"loop-01": float("nan")})) is PermitReason.UNTRUSTED_SOURCE


@pytest.mark.parametrize(
    ("sources", "independent_ones"),
    [
        (("loop-01", "loop-02"), 1),
        (("loop-01", "cam-01"), 2),
        (("loop-01", "radar-01"), 1),  # one owner
        (("cam-01", "radar-01"), 1),  # one maker, one zone
        (("loop-01", "odd-01"), 1),  # its maker is not known to be another
        (("loop-01", "radar-01", "cam-01"), 2),
    ],
    ids=str,
)
def test_a_quorum_counts_sources_of_another_owner_maker_and_zone(sources: tuple[str, ...], independent_ones: int):
    for quorum in (1, 2, 3):
        refused = PermitReason.TOO_FEW_SOURCES if independent_ones < quorum else None
        assert judged(sources, quorum=quorum) is refused


def test_a_copy_and_its_original_are_one_voice_and_nobody_elses_is_lost():
    def pair(*names: str) -> Confidence:
        return Confidence(one_source=frozenset({frozenset(names)}))

    assert judged(("loop-01", "cam-01"), quorum=2) is None
    assert judged(("loop-01", "cam-01"), pair("loop-01", "cam-01"), quorum=2) is PermitReason.TOO_FEW_SOURCES
    assert judged(("loop-01", "cam-01"), pair("loop-01", "cam-01"), quorum=1) is None  # none is mistrusted for it
    assert judged(("loop-01", "cam-01"), pair("loop-01", "loop-99"), quorum=2) is None


def test_the_fail_safe_value_needs_no_trust_and_no_quorum():
    assert judged(("loop-01",), QUARANTINE, value=100.0, quorum=3, least_trust=1.0) is None
    assert judged(("loop-99",), value=100.0) is None


def test_what_rests_on_no_reading_needs_no_quorum():
    assert judged((), QUARANTINE, quorum=3, least_trust=1.0) is None


def test_what_passed_names_its_sources():
    rules = replace(RULES, sources=OWN)
    verdict = permit(replace(DIMMING, sources=("loop-01", "cam-01")), rules, [], NOW)
    assert isinstance(verdict, Allowed)
    assert verdict.sources == verdict.seal("service:1").sources == ("loop-01", "cam-01")


# -- what holds for anything at all -----------------------------------------------------------------------------------

junk = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers(), max_size=2))
names = st.sampled_from(["lamp-01", "lamp-02", "lamp-03", "dim", "open", ""])
proposals = st.builds(
    Proposal,
    device=st.one_of(names, junk),
    command=st.one_of(names, junk),
    value=st.one_of(st.floats(0, 110), junk),
    cause=st.one_of(st.just({"a": "b"}), junk, st.dictionaries(st.text(), st.text(), max_size=3)),
    made_at=st.one_of(st.integers(NOW - HOUR, NOW + MINUTE), junk),
    sources=st.one_of(st.just(()), st.just(("loop-01",)), junk, st.tuples(junk)),
)
pasts = st.lists(st.builds(Issued, st.just("lamp-01"), st.just("dim"), st.integers(NOW - 2 * HOUR, NOW)), max_size=8)
limits = st.builds(
    lambda low, width, rate: CommandLimits(sets="lamp-level", low=low, high=low + width, per_hour=rate, fail_safe=low),
    st.floats(0, 100),
    st.floats(0, 100),
    st.integers(1, 6),
)


@given(st.one_of(proposals, junk), pasts)
def test_is_total_and_lets_nothing_out_of_bounds_pass(proposal: Any, recent: list[Issued]):
    verdict = permit(proposal, RULES, recent, NOW)
    assert isinstance(verdict, Allowed | Refusal)
    if isinstance(verdict, Allowed):
        assert DIM.low <= verdict.value <= DIM.high
        assert RULES.actuators[verdict.device].active


@given(st.floats(0, 110), limits, pasts, pasts)
def test_is_monotone(value: float, lim: CommandLimits, recent: list[Issued], more: list[Issued]):
    narrow = CommandLimits(
        sets=lim.sets,
        low=lim.low,
        high=(lim.low + lim.high) / 2,
        per_hour=max(1, lim.per_hour - 1),
        fail_safe=lim.fail_safe,
    )
    proposal = replace(DIMMING, value=value)

    def allowed(with_limits: CommandLimits, past: list[Issued]) -> bool:
        rules = PermitRules("lighting", {"lamp-01": ActuatorRule(True, {"dim": with_limits})})
        return isinstance(permit(proposal, rules, past, NOW), Allowed)

    assert allowed(lim, recent) or not allowed(narrow, recent)
    assert allowed(lim, recent) or not allowed(lim, [*recent, *more])


some_sources = st.lists(st.sampled_from([*OWN, "loop-99"]), unique=True, max_size=5).map(tuple)
trusts = st.dictionaries(st.sampled_from(list(OWN)), st.one_of(st.floats(0, 1), st.just(float("nan"))))


@given(
    some_sources, trusts, st.sets(st.sampled_from(list(OWN))), st.integers(1, 3), st.floats(0, 1), st.floats(10, 100),
    st.dictionaries(st.sampled_from(list(OWN)), st.floats(0, 1)), st.sets(st.sampled_from(list(OWN))),
)  # fmt: skip
def test_less_trust_and_a_larger_quorum_never_turn_a_refusal_into_a_permission(
    sources: tuple[str, ...],
    trust: dict[str, float],
    quarantined: set[str],
    quorum: int,
    least: float,
    value: float,
    factors: dict[str, float],
    more: set[str],
):
    before = Confidence(trust, frozenset(quarantined))
    lowered = {name: trust.get(name, 1.0) * factors.get(name, 1.0) for name in OWN}
    after = Confidence(lowered, frozenset(quarantined | more))
    was_refused = judged(sources, before, value, quorum=quorum, least_trust=least) is not None
    assert not was_refused or judged(sources, after, value, quorum=quorum, least_trust=least) is not None
    stricter = judged(sources, before, value, quorum=min(3, quorum + 1), least_trust=min(1.0, least + 0.1))
    assert not was_refused or stricter is not None


@given(st.lists(st.tuples(st.integers(0, 20 * MINUTE), st.sampled_from([40.0, 80.0, 100.0])), max_size=60))
def test_no_hour_ever_holds_more_than_the_declared_rate_and_one(steps: list[tuple[int, float]]):
    now, recent, passed = NOW, list[Issued](), list[tuple[int, float]]()
    for wait, value in steps:
        now += wait
        verdict = permit(Proposal("lamp-01", "dim", value, {"a": "b"}, now), RULES, recent, now)
        if isinstance(verdict, Allowed):
            recent.append(Issued("lamp-01", "dim", now))
            passed.append((now, value))
    for end, _ in passed:
        hour = [value for at, value in passed if end - HOUR < at <= end]
        assert len(hour) <= DIM.per_hour + 1
        assert len(hour) <= DIM.per_hour or hour[-1] == DIM.fail_safe or DIM.fail_safe in hour


@pytest.mark.parametrize("value", [40.0, DIM.fail_safe])
def test_nothing_is_sent_to_a_device_that_is_shut_out_not_even_its_fail_safe(value: float):
    shut_out = Confidence(barred=frozenset({"lamp-01"}))
    verdict = permit(replace(DIMMING, value=value), RULES, [], NOW, shut_out)
    assert isinstance(verdict, Refusal)
    assert verdict.reason is PermitReason.INACTIVE_DEVICE
