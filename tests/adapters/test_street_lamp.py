"""The simulated lamp, as playbooks: what it was sent, what it says."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.adapters.keys.commanding import verifier
from cityward.adapters.street.lamp import Lamp, LampSpec, Publish, power_w
from cityward.evidence.checkpoint import Signer
from cityward.runtime.commands import HEADER, signed
from cityward.runtime.obeying import REMEMBERED
from cityward.time import MINUTE, SECOND, iso, to_us
from signing import CITY, STRANGER, is_citys

SPEC = LampSpec(device="lamp-01", position=(2.37, 54.9))
NIGHT = to_us(datetime.fromisoformat("2024-01-10T02:00+00:00"))
NOON = to_us(datetime.fromisoformat("2024-06-21T12:00+00:00"))


def dim(level: float, at: int, name: str = "c1", valid_s: int = 120, by: Signer = CITY, **changes: object) -> bytes:
    """A command as it is sent; its nonce goes by its name."""
    body = {"id": name, "device": "lamp-01", "command": "dim", "set": {"lamp-level": level}, "issued_at": iso(at)}
    body |= {"expires_at": iso(at + valid_s * SECOND), "nonce": f"nonce-of-{name[:16]:a<16}"}
    return signed(json.dumps(body | changes).encode(), by.sign)


def instead(old: bytes, new: bytes) -> bytes:
    """As `dim(40, NIGHT)`, signed with other words in it."""
    payload = dim(40, NIGHT).split(b".")[1]
    return signed(urlsafe_b64decode(payload + b"===").replace(old, new), CITY.sign)


def answer(said: list[Publish]) -> tuple[str, str, float]:
    """(outcome, reason, level) of the one acknowledgement."""
    (ack,) = [json.loads(p.payload) for p in said if p.topic == "ack/lamp-01"]
    return ack["outcome"], ack["reason"], ack["level"]


def reported(said: list[Publish]) -> dict[str, float]:
    """property -> value of the one report."""
    (pack,) = [json.loads(p.payload) for p in said if p.topic == "in/lamp-01"]
    return {row["n"]: row["v"] for row in pack}


def test_a_lamp_starts_at_its_fail_safe_level_and_reports_it():
    lamp = Lamp(SPEC, NIGHT, is_citys)
    assert reported(lamp.tick(NIGHT)) == {"lamp-level": 100, "lamp-power": pytest.approx(SPEC.rated_w, rel=0.015)}
    assert lamp.tick(NIGHT + MINUTE) == []
    assert reported(lamp.tick(NIGHT + 5 * MINUTE))["lamp-level"] == 100


def test_its_meter_does_not_say_the_same_digits_all_night():
    lamp = Lamp(SPEC, NIGHT, is_citys)
    said = [reported(lamp.tick(NIGHT + n * 5 * MINUTE))["lamp-power"] for n in range(12)]
    assert len(set(said)) > 6
    assert all(value == pytest.approx(SPEC.rated_w, rel=0.015) for value in said)


def test_it_obeys_reports_and_answers():
    said = Lamp(SPEC, NIGHT, is_citys).on_command(dim(40, NIGHT), NIGHT + SECOND)
    assert reported(said) == {"lamp-level": 40, "lamp-power": pytest.approx(power_w(40, SPEC), rel=0.015)}
    assert answer(said) == ("done", "", 40)


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (dim(40, NIGHT - 10 * MINUTE), "expired"),
        (dim(9, NIGHT), "out-of-bounds"),
        (dim(101, NIGHT), "out-of-bounds"),
        (dim(40, NIGHT + 2 * MINUTE), "in-the-future"),
        (dim(40, NIGHT, command="open"), "unknown-command"),
        (dim(40, NIGHT, set={"valve": 1.0}), "unknown-command"),
        (dim(40, NIGHT, device="lamp-02"), "wrong-device"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_it_refuses_and_says_why(payload: bytes, why: str):
    lamp = Lamp(SPEC, NIGHT, is_citys)
    assert answer(lamp.on_command(payload, NIGHT)) == ("rejected", why, 100)
    assert lamp.level == 100


def test_a_recorded_command_cannot_be_played_to_it_again():
    lamp = Lamp(SPEC, NIGHT, is_citys)
    first = dim(40, NIGHT)
    assert answer(lamp.on_command(first, NIGHT))[0] == "done"
    assert answer(lamp.on_command(first, NIGHT + SECOND)) == ("rejected", "repeated", 40)
    assert answer(lamp.on_command(dim(100, NIGHT + SECOND, "c2"), NIGHT + SECOND))[0] == "done"
    assert answer(lamp.on_command(dim(40, NIGHT, "c0"), NIGHT + 2 * SECOND)) == ("rejected", "overtaken", 100)


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"dim",
        b"[" * 1000,
        b'{"a":' * 200,
        b"\xff\xfe",
        dim(40, NIGHT, "x" * 2000),
        dim(40, NIGHT, expires_at="2024-01-10T03:00:00"),
        dim(40, NIGHT, expires_at="9999-12-31T23:59:59-23:59"),
        dim(40, NIGHT, set={}),
        dim(40, NIGHT, "a\n"),
        dim(40, NIGHT, nonce="short"),
        instead(b"40", b"NaN"),
        instead(b"40", b"1e999"),
        dim(40, NIGHT)[: -len(b"==")] + b"==",
        dim(40, NIGHT) + b".x",
        b'{"id":"c1","command":"dim","set":{"lamp-level":40}}',
    ],
    ids=str,
)
def test_what_it_cannot_read_changes_nothing_and_is_not_answered(junk: bytes):
    lamp = Lamp(SPEC, NIGHT, is_citys)
    assert lamp.on_command(junk, NIGHT) == []
    assert (lamp.unreadable, lamp.level) == (1, 100)


@pytest.mark.parametrize(
    "payload",
    [
        dim(40, NIGHT, by=STRANGER),
        dim(40, NIGHT).replace(HEADER, b"eyJhbGciOiJub25lIn0"),  # {"alg":"none"}
        b".".join((*dim(40, NIGHT).split(b".")[:2], b"")),
        b".".join((HEADER, dim(40, NIGHT, "c2").split(b".")[1], dim(40, NIGHT).split(b".")[2])),
    ],
    ids=["another key", "no algorithm", "no signature", "the signature of another command"],
)
def test_what_the_city_did_not_sign_is_refused_under_a_name_of_its_own(payload: bytes):
    lamp = Lamp(SPEC, NIGHT, is_citys)
    [said] = lamp.on_command(payload, NIGHT)
    body = json.loads(said.payload)
    assert (body["outcome"], body["reason"], body["level"]) == ("rejected", "bad-signature", 100)
    assert body["id"].startswith("unsigned."), "a forger must not settle a command of the city's"
    assert lamp.level == 100


def test_no_flipped_bit_is_obeyed():
    good = dim(40, NIGHT)
    for at in range(len(good)):
        lamp = Lamp(SPEC, NIGHT, is_citys)
        lamp.on_command(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :], NIGHT)
        assert lamp.level == 100, at


def test_without_the_citys_key_it_obeys_nobody():
    lamp = Lamp(SPEC, NIGHT, verifier(None))
    assert answer(lamp.on_command(dim(40, NIGHT), NIGHT)) == ("rejected", "bad-signature", 100)


def test_a_nonce_is_good_once():
    lamp = Lamp(SPEC, NIGHT, is_citys)
    assert answer(lamp.on_command(dim(40, NIGHT, nonce="n" * 16), NIGHT))[0] == "done"
    again = dim(60, NIGHT, "c2", nonce="n" * 16)
    assert answer(lamp.on_command(again, NIGHT)) == ("rejected", "repeated", 40)


def test_what_it_forgot_is_refused_by_its_age():
    lamp = Lamp(SPEC, NIGHT, is_citys)
    first = dim(40, NIGHT, "first")
    lamp.on_command(first, NIGHT)
    for n in range(REMEMBERED):
        lamp.on_command(dim(50, NIGHT + SECOND, f"later-{n}"), NIGHT + SECOND)
    assert answer(lamp.on_command(first, NIGHT + 2 * SECOND)) == ("rejected", "overtaken", 50)


def test_cut_off_at_night_it_returns_to_full_light():
    lamp = Lamp(SPEC, NIGHT, is_citys)
    lamp.on_command(dim(40, NIGHT), NIGHT)
    assert [lamp.level for m in range(0, 120, 5) if lamp.tick(NIGHT + m * MINUTE) is not None] == [40] * 24
    said = lamp.tick(NIGHT + 120 * MINUTE)
    assert reported(said)["lamp-level"] == 100


def test_refused_commands_are_no_sign_of_life():
    lamp = Lamp(SPEC, NIGHT, is_citys)
    lamp.on_command(dim(40, NIGHT), NIGHT)
    for minute in range(121):
        now = NIGHT + minute * MINUTE
        lamp.on_command(dim(5, now, f"bad-{minute}"), now)
        lamp.tick(now)
    assert lamp.level == 100


def test_cut_off_by_day_it_stays_as_it_is_until_the_sun_has_set():
    lamp = Lamp(SPEC, NOON, is_citys)
    lamp.on_command(dim(10, NOON), NOON)
    assert lamp.tick(NOON + 240 * MINUTE) and lamp.level == 10  # 16:00
    assert lamp.tick(NOON + 600 * MINUTE) and lamp.level == 100  # 22:00; the sun set at 20:05


def test_a_clock_that_went_back_does_not_darken_or_stop_it():
    lamp = Lamp(SPEC, NIGHT, is_citys)
    lamp.on_command(dim(40, NIGHT), NIGHT)
    lamp.tick(NIGHT - 60 * MINUTE)
    lamp.tick(NIGHT + 60 * MINUTE)
    assert lamp.level == 100, "two hours since it was heard, by its own clock"


def test_two_reports_never_carry_the_same_time():
    lamp = Lamp(SPEC, NIGHT, is_citys)
    packs = [
        *lamp.tick(NIGHT),
        *lamp.on_command(dim(40, NIGHT, "a"), NIGHT),
        *lamp.on_command(dim(50, NIGHT, "b"), NIGHT),
    ]
    times = [json.loads(p.payload)[0]["bt"] for p in packs if p.topic == "in/lamp-01"]
    assert len(times) == len(set(times)) == 3


def test_power_rises_with_the_level_from_standby_to_rated():
    levels = [power_w(level, SPEC) for level in range(0, 101, 10)]
    assert levels == sorted(levels)
    assert (levels[0], levels[-1]) == (SPEC.standby_w, SPEC.rated_w)


steps = st.tuples(st.integers(-200, 4000), st.floats(-10, 120), st.sampled_from(["a", "b", "c"]), st.booleans())


@given(st.lists(st.one_of(steps, st.binary(max_size=60)), max_size=40))
def test_whatever_it_is_sent_its_level_stays_within_bounds_and_its_memory_bounded(script: list[object]):
    lamp, now, done = Lamp(SPEC, NIGHT, is_citys), NIGHT, list[str]()
    for step in script:
        if isinstance(step, tuple):
            wait, level, name, _ = step
            now += wait * SECOND
            payload = dim(level, now - 10 * SECOND, f"{name}-{round(level)}")
        else:
            payload = step
        for publish in [*lamp.on_command(payload, now), *lamp.tick(now)]:
            body = json.loads(publish.payload)
            if publish.topic.startswith("ack/") and body["outcome"] == "done":
                done.append(body["id"])
        assert SPEC.low <= lamp.level <= SPEC.high
    assert len(done) == len(set(done)) or len(done) > REMEMBERED
