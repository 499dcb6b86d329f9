"""What a witness is asked and answers (C2SP tlog-witness, tlog-cosignature): every rule of the specification, and any bytes."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.errors import EvidenceError
from cityward.evidence.checkpoint import Checkpoint, LogKey, opened, parse_key
from cityward.evidence.cosignature import WitnessKey, cosigned, parse_witness_key, vouched_at, with_lines
from cityward.evidence.witness import Answer, Question, answer, asked, read_question
from logs import ORIGIN, log_of, proof_between, signer, tree_head

LOG_KEY = parse_key(log_of([])["log.vkey"].decode())
CLERK = signer(7)
KEY = WitnessKey("witness.example/clerk", CLERK.public)
AT = 1_790_000_000


def entries(count: int, changed: int = -1) -> list[bytes]:
    return [b'{"at":%d}' % (i if i != changed else -i) for i in range(count)]


def note(count: int, changed: int = -1, seed: int = 1) -> bytes:
    return log_of(entries(count, changed), seed=seed)["checkpoint"]


def seen(count: int) -> Checkpoint:
    return Checkpoint(ORIGIN, count, tree_head(entries(count)))


def told(body: bytes, last: Checkpoint | None = None, keys: Sequence[LogKey] = (LOG_KEY,)) -> Answer:
    return answer(
        body,
        lambda origin: keys if origin == ORIGIN else (),
        lambda origin: last,
        lambda n: cosigned(n, KEY.name, CLERK, AT),
    )


def question(old: int, count: int, *, changed: int = -1) -> bytes:
    proof = proof_between(old, entries(count, changed)) if old > 0 else []
    return asked(Question(old, proof, note(count, changed)))


def test_reads_a_witness_key_that_is_in_use():
    """A public key of a witness of the public network: its key id must be the one the specification makes of it."""
    text = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"
    key = parse_witness_key(text)
    assert (key.name, key.key_hash.hex(), key.text()) == ("remora.n621.de", "da77ade7", text)


@pytest.mark.parametrize("text", ["", LOG_KEY.text(), KEY.text()[:-1], KEY.text().replace("clerk", "press")])
def test_refuses_what_is_no_key_of_a_witness(text: str):
    with pytest.raises(EvidenceError, match="key"):
        parse_witness_key(text)


def test_signs_what_the_specification_says_with_its_time_in_the_line():
    line = cosigned(note(3), KEY.name, CLERK, AT)
    blob = base64.b64decode(line.split()[2])
    text = f"cosignature/v1\ntime {AT}\n{ORIGIN}\n3\n{base64.b64encode(tree_head(entries(3))).decode()}\n"
    assert line.startswith("\u2014 witness.example/clerk ")
    assert (blob[:4], blob[4:12], blob[12:]) == (KEY.key_hash, AT.to_bytes(8, "big"), CLERK.sign(text.encode()))
    assert vouched_at([line.strip()], note(3), KEY) == AT
    assert vouched_at([line.strip()], note(4), KEY) is None


def test_co_signs_a_log_it_sees_for_the_first_time():
    given = told(question(0, 5))
    assert given.status == 200
    assert vouched_at(given.body.decode().splitlines(), note(5), KEY) == AT
    assert given.remember == note(5) + given.body
    assert opened(given.remember, LOG_KEY).size == 5


@pytest.mark.parametrize(("old", "count"), [(1, 2), (3, 7), (256, 700), (699, 700), (7, 7)])
def test_co_signs_what_continues_what_it_saw(old: int, count: int):
    assert told(question(old, count), seen(old)).status == 200


def test_does_not_know_every_log():
    assert told(question(0, 5), keys=()).status == 404


def test_does_not_take_another_key_for_the_logs():
    given = told(asked(Question(0, [], note(5, seed=2))))
    assert (given.status, given.remember) == (403, None)


def test_ignores_signatures_of_keys_it_does_not_know():
    also = note(5) + "\u2014 somebody.example c29tZWJvZHk=\n".encode()
    assert told(asked(Question(0, [], also))).status == 200


def test_says_which_size_it_holds_when_asked_from_another():
    given = told(question(0, 9), seen(4))
    assert (given.status, given.body, given.type, given.remember) == (409, b"4\n", "text/x.tlog.size", None)


def test_refuses_an_old_size_above_the_checkpoints():
    assert told(asked(Question(9, [], note(5))), seen(9)).status == 400


@pytest.mark.parametrize("changed", [1, 3])
def test_does_not_co_sign_a_second_history(changed: int):
    given = told(question(4, 9, changed=changed), seen(4))
    assert (given.status, given.remember) == (422, None)


def test_does_not_co_sign_another_root_of_the_same_size():
    given = told(asked(Question(4, [], note(4, changed=1))), seen(4))
    assert (given.status, given.remember) == (409, None)


def test_does_not_co_sign_without_a_proof():
    assert told(asked(Question(4, [], note(9))), seen(4)).status == 422


def test_takes_no_proof_from_nothing():
    assert told(asked(Question(0, [b"x" * 32], note(9)))).status == 422


def test_a_log_that_shrank_is_told_what_was_seen():
    given = told(question(0, 3), seen(9))
    assert (given.status, given.body) == (409, b"9\n")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 1",
        b"old 01\n\n" + note(3),
        b"old -1\n\n" + note(3),
        b"old 1\nAAAA\n\n" + note(3),
        b"old 1\n\n",
        b"new 1\n\n" + note(3),
        b"old 0\n" + b"".join(base64.b64encode(bytes(32)) + b"\n" for _ in range(64)) + b"\n" + note(3),
        b"old 0\n\n" + note(3).replace(b"\n3\n", b"\n3\n") + b"x" * 70_000,
    ],
)
def test_refuses_what_is_no_request(body: bytes):
    assert told(body).status == 400


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.booleans(), st.booleans())
def test_answers_any_bytes(data: bytes, behind: bool, known: bool):
    body = question(0, 5) + data if behind else data
    given = told(body, seen(4) if known else None)
    assert given.status in (200, 400, 403, 404, 409, 422)
    assert (given.remember is None) == (given.status != 200)


def test_reads_what_was_asked():
    assert read_question(question(3, 7)) == Question(3, proof_between(3, entries(7)), note(7))


def test_keeps_only_lines_that_verify():
    good, other = cosigned(note(5), KEY.name, CLERK, AT), cosigned(note(5), "w.example/x", signer(9), AT)
    kept = with_lines(note(5), [other.strip(), good.strip(), good.strip()], KEY)
    assert kept == note(5) + good.encode()
    assert with_lines(kept, [good.strip()], KEY) == kept
    with pytest.raises(EvidenceError, match="no valid cosignature"):
        with_lines(note(5), [other.strip()], KEY)
