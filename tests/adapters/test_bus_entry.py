"""May it come in: every question, one by one, without a wire."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.adapters.bus.entry import Caller, Entry, Refusal, Roll, Why, may_enter
from cityward.runtime.ports import BarRow, CredentialRow

NOW = 1_000_000
SECRET = "s" * 32
OLD, STOLEN = "o" * 32, "t" * 32
MARK = b"\x07" * 32  # of a certificate


def digest(secret: str) -> bytes:
    return sha256(secret.encode()).digest()


def row(device: str, secret: str = SECRET, state: str = "active", certificate: bytes | None = None) -> CredentialRow:
    return CredentialRow(device, None, digest(secret + device), certificate, state, 0)


ROLL = Roll(
    status={
        "lamp-1": "active",
        "lamp-2": "active",
        "lamp-3": "stored",
        "lamp-4": "active",
        "lamp-5": "active",
        "lamp-6": "active",
        "quaystreetlampnumber22": "active",
    },
    credentials={
        "lamp-1": row("lamp-1"),
        "lamp-2": row("lamp-2"),
        "lamp-3": row("lamp-3"),
        "lamp-4": row("lamp-4", state="stolen"),
        "lamp-5": row("lamp-5", certificate=MARK),
        "quaystreetlampnumber22": row("quaystreetlampnumber22"),
    },
    bars={"lamp-2": (BarRow("lamp-2", "isolated", NOW - 10, NOW + 10, ""),)},
    spent={digest(OLD): ("lamp-1", "active"), digest(STOLEN): ("lamp-1", "stolen")},
)


def caller(device: str = "lamp-1", **changes: object) -> Caller:
    ready = Caller("mqtt", device, SECRET + device, device, "192.0.2.7", 1)
    return replace(ready, **changes)  # type: ignore[arg-type]


def certified(device: str, mark: bytes = MARK, name: str = "") -> Caller:
    return caller(device, name=name, secret="", certificate=(device, mark))


def test_a_device_comes_in_as_itself() -> None:
    assert may_enter(caller(), ROLL, NOW) == Entry("lamp-1")
    assert may_enter(certified("lamp-5"), ROLL, NOW) == Entry("lamp-5")
    assert may_enter(certified("lamp-5", name="lamp-5"), ROLL, NOW) == Entry("lamp-5")


@pytest.mark.parametrize(
    ("who", "said"),
    [
        (caller(by="nats"), Refusal(Why.NOT_A_DEVICE, "lamp-1")),
        (caller(by="websocket"), Refusal(Why.NOT_A_DEVICE, "lamp-1")),
        (caller(name=""), Refusal(Why.NO_NAME, "")),
        (caller("lamp-9"), Refusal(Why.UNKNOWN, "lamp-9")),
        (caller(name="LAMP-1"), Refusal(Why.UNKNOWN, "LAMP-1")),
        (caller("lamp-6"), Refusal(Why.NO_CREDENTIAL, "lamp-6")),
        (caller(secret=""), Refusal(Why.WRONG_SECRET, "lamp-1")),
        (caller(secret=SECRET + "lamp-2"), Refusal(Why.WRONG_SECRET, "lamp-1")),
        (caller(secret="x" * 100_000), Refusal(Why.WRONG_SECRET, "lamp-1")),
        (caller(secret="\ud800"), Refusal(Why.WRONG_SECRET, "lamp-1")),
        (caller(secret=OLD), Refusal(Why.SPENT, "lamp-1")),
        (caller(secret=STOLEN), Refusal(Why.SPENT, "lamp-1", "stolen")),
        (caller("lamp-2", secret=OLD), Refusal(Why.WRONG_SECRET, "lamp-2")),
        (caller("lamp-2"), Refusal(Why.BARRED, "lamp-2", "isolated")),
        (caller("lamp-3"), Refusal(Why.INACTIVE, "lamp-3", "stored")),
        (caller("lamp-4"), Refusal(Why.BARRED, "lamp-4", "stolen")),
        (caller("lamp-4", secret="guess"), Refusal(Why.WRONG_SECRET, "lamp-4")),
        (caller("lamp-5"), Refusal(Why.WRONG_CERTIFICATE, "lamp-5")),
        (certified("lamp-5", b"\x08" * 32), Refusal(Why.WRONG_CERTIFICATE, "lamp-5")),
        (certified("lamp-5", name="lamp-1"), Refusal(Why.WRONG_CERTIFICATE, "lamp-5")),
        (certified("lamp-1"), Refusal(Why.WRONG_CERTIFICATE, "lamp-1")),
        (certified("stranger"), Refusal(Why.UNKNOWN, "stranger")),
    ],
)
def test_everybody_else_is_refused_with_the_reason(who: Caller, said: Refusal) -> None:
    assert may_enter(who, ROLL, NOW) == said


@pytest.mark.parametrize("at", [NOW - 11, NOW + 10])
def test_a_bar_holds_from_its_moment_until_its_end(at: int) -> None:
    assert may_enter(caller("lamp-2"), ROLL, at) == Entry("lamp-2")


@pytest.mark.parametrize("own", ["lamp-1", "lamp-1:a", "lamp-1:left-hand_2", "x7Kq0M2nBv9Zt4Rw8Yp1Ls"])
def test_a_client_id_of_its_own_is_let_in(own: str) -> None:
    assert may_enter(caller(client_id=own), ROLL, NOW) == Entry("lamp-1")


@pytest.mark.parametrize(
    "other",
    [
        "",
        "lamp-2",
        "lamp-2:a",
        "lamp-1:",
        "lamp-1:" + "x" * 17,
        "lamp-1:a:b",
        "lamp-1:a b",
        "lamp-1:\n",
        "lamp-10",
        "lamp-1/a",
        "quaystreetlampnumber22",
        "x7Kq0M2nBv9Zt4Rw8Yp1L",
        "x7Kq0M2nBv9Zt4Rw8Yp1Ls\n",
    ],
)
def test_a_client_id_of_another_is_refused(other: str) -> None:
    assert may_enter(caller(client_id=other), ROLL, NOW) == Refusal(Why.CLIENT_ID, "lamp-1")


@given(st.sampled_from(["mqtt", "nats", ""]), st.text(), st.text(), st.text(), st.integers())
def test_whoever_has_no_secret_of_a_device_never_comes_in(
    by: str, name: str, secret: str, client: str, at: int
) -> None:
    said = may_enter(Caller(by, name, secret, client, "192.0.2.7", 1), ROLL, at)
    assert isinstance(said, Refusal)
