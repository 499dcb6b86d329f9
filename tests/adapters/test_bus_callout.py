"""The broker's question and our answer, with questions that no real broker asks. `tests/city/test_doors.py` has the real one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from cityward.adapters.bus import jwt, nkeys
from cityward.adapters.bus.callout import Callout
from cityward.adapters.bus.entry import Caller, Entry, Refusal, Why
from cityward.adapters.bus.nkeys import Kind

BROKER = nkeys.Signer.of(bytes(32), Kind.SERVER)
STRANGER = nkeys.Signer.of(bytes([1]) * 32, Kind.SERVER)
USER = nkeys.Signer.of(bytes([2]) * 32, Kind.USER).public
OURS = nkeys.Signer.of(bytes([3]) * 32, Kind.ACCOUNT)
NOW = 1_000


@dataclass
class Asked:
    """A message of the bus."""

    data: bytes
    answers: list[bytes] = field(default_factory=list[bytes])

    async def respond(self, data: bytes) -> None:
        self.answers.append(data)


class Verdict(msgspec.Struct, frozen=True):
    sub: str
    aud: str
    nats: dict[str, Any]


def claims(**changes: Any) -> dict[str, Any]:
    nats = {
        "server_id": {"id": BROKER.public, "name": "x"},
        "user_nkey": USER,
        "client_info": {"host": "192.0.2.7", "id": 9, "type": "mqtt", "mqtt_id": "lamp-1:a"},
        "connect_opts": {"user": "lamp-1", "pass": "secret", "protocol": 0},
        **changes.pop("nats", {}),
    }
    return {"aud": "nats-authorization-request", "exp": NOW + 5, "nats": nats, **changes}


def ask(
    question: dict[str, Any] | bytes, judge: Callable[[Caller], Entry | Refusal], by: nkeys.Signer = BROKER
) -> tuple[Callout, list[bytes]]:
    callout = Callout(None, OURS, judge, lambda: NOW)  # type: ignore[arg-type]
    asked = Asked(question if isinstance(question, bytes) else jwt.signed(question, by).encode())
    asyncio.run(callout._answer(asked))  # type: ignore[arg-type]
    return callout, asked.answers


def let_in(caller: Caller) -> Entry:
    return Entry(caller.name)


def verdict(answers: list[bytes]) -> Verdict:
    [answer] = answers
    issuer, said = jwt.read(answer, Kind.ACCOUNT, Verdict)
    assert (issuer, said.sub, said.aud) == (OURS.public, USER, BROKER.public)
    return said


def test_an_entry_is_a_user_who_may_say_and_hear_its_own_only() -> None:
    callers: list[Caller] = []

    def judge(caller: Caller) -> Entry:
        callers.append(caller)
        return Entry("lamp-1")

    callout, answers = ask(claims(), judge)
    assert callers == [Caller("mqtt", "lamp-1", "secret", "lamp-1:a", "192.0.2.7", 9)]
    _, user = jwt.read(verdict(answers).nats["jwt"].encode(), Kind.ACCOUNT, Verdict)
    rights = user.nats
    assert (user.sub, user.aud) == (USER, "CITY")
    assert [subject.split(".")[-1] for subject in rights["pub"]["allow"]] == ["lamp-1", "lamp-1"]
    assert rights["sub"] == {"allow": ["cmd.lamp-1"]}
    assert rights["allowed_connection_types"] == ["MQTT"]
    assert callout.counts == {"let-in": 1}


def test_a_refusal_tells_the_caller_nothing() -> None:
    callout, answers = ask(claims(), lambda _: Refusal(Why.BARRED, "lamp-1", "stolen"))
    said = verdict(answers).nats
    assert said == {"type": "authorization_response", "version": 2, "error": "not let in"}
    assert callout.counts == {"barred": 1}


def test_whatever_goes_wrong_nobody_comes_in_by_it(capsys: pytest.CaptureFixture[str]) -> None:
    def breaks(_: Caller) -> Entry:
        raise RuntimeError("secret")

    callout, answers = ask(claims(), breaks)
    assert "jwt" not in verdict(answers).nats
    assert callout.counts == {"fault": 1}
    capsys.readouterr()


@pytest.mark.parametrize("pem", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"])
def test_a_certificate_that_is_none_lets_nobody_in(pem: str) -> None:
    _, answers = ask(claims(nats={"client_tls": {"verified_chains": [[pem]]}}), let_in)
    assert "jwt" not in verdict(answers).nats


@pytest.mark.parametrize(
    ("question", "by"),
    [
        (b"", BROKER),
        (b"x" * 1_000_000, BROKER),
        (claims(), STRANGER),
        (claims(aud="another"), BROKER),
        (claims(nats={"user_nkey": "U" * 56}), BROKER),
        (claims(nats={"connect_opts": {"user": 7}}), BROKER),
        ({"aud": "nats-authorization-request"}, BROKER),
    ],
    ids=["nothing", "far too long", "of another server", "for another", "no key", "another shape", "no question"],
)
def test_what_is_no_question_of_the_broker_is_not_answered(question: dict[str, Any] | bytes, by: nkeys.Signer) -> None:
    callout, answers = ask(question, let_in, by)
    assert answers == []
    assert callout.counts == {"not-a-question": 1}


def test_a_question_whose_time_is_over_is_not_answered() -> None:
    callout, answers = ask(claims(exp=NOW), let_in)
    assert (answers, callout.counts) == ([], {"too-late": 1})
