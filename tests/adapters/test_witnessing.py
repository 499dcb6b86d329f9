"""A witness on its own folder and behind its own door, asked by a city over real HTTP: what it co-signs, keeps and refuses."""

from __future__ import annotations

import http.client
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cityward.adapters.ledgers.reading import folder_reader, key_of, witnessed_notes
from cityward.adapters.ledgers.witness_folder import WitnessFolder, make_witness
from cityward.adapters.ledgers.witnessing import Post, ask, by_hand, keep_witnessed
from cityward.adapters.ledgers.witnessing import poster as way_to
from cityward.adapters.outward.connect import Outward
from cityward.errors import EvidenceError, LinkError
from cityward.evidence.checkpoint import parse_key
from cityward.evidence.cosignature import vouched_at
from cityward.evidence.verifier import verify
from cityward.evidence.witness import Question, asked
from cityward.place.exits import exit_by_hand
from logs import ORIGIN, log_of, proof_between, put

NAME = "witness.example/clerk"


def poster(address: str) -> Post:
    return way_to(Outward(), exit_by_hand("witness:clerk", address), address)


LOG_KEY = parse_key(log_of([])["log.vkey"].decode())


def entries(count: int, changed: int = -1) -> list[bytes]:
    return [b'{"at":%d}' % (i if i != changed else -i) for i in range(count)]


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[WitnessFolder]:
    make_witness(tmp_path / "w", NAME)
    with WitnessFolder(tmp_path / "w", now_s=lambda: 1_790_000_000) as held:
        held.follow(LOG_KEY)
        yield held


def on_the_spot(witness: WitnessFolder) -> Post:
    def post(body: bytes) -> tuple[int, bytes]:
        answer = witness.answer(body)
        return answer.status, answer.body

    return post


def put_log(folder: Path, count: int, changed: int = -1) -> Path:
    return put(log_of(entries(count, changed)), folder)


def test_remembers_over_restarts_and_co_signs_no_second_history(tmp_path: Path, witness: WitnessFolder):
    log = put_log(tmp_path / "log", 300)
    note, state = ask(on_the_spot(witness), folder_reader(log), LOG_KEY, witness.key, 0)
    assert state.size == 300
    witness.close()
    with WitnessFolder(tmp_path / "w") as again:
        put_log(log, 700)
        note, state = ask(on_the_spot(again), folder_reader(log), LOG_KEY, again.key, 0)  # told 409 and 300, asks again
        assert (state.size, again.seen(ORIGIN)) == (700, state)
        put_log(tmp_path / "fork", 900, changed=10)
        with pytest.raises(EvidenceError, match="another history"):
            ask(on_the_spot(again), folder_reader(tmp_path / "fork"), LOG_KEY, again.key, 700)
        put_log(tmp_path / "back", 500)
        with pytest.raises(EvidenceError, match="co-signed 700 entries"):
            ask(on_the_spot(again), folder_reader(tmp_path / "back"), LOG_KEY, again.key, 700)
        assert again.seen_note(ORIGIN) == note


def test_what_a_witness_holds_convicts_a_fork(tmp_path: Path, witness: WitnessFolder):
    ask(on_the_spot(witness), folder_reader(put_log(tmp_path / "log", 300)), LOG_KEY, witness.key, 0)
    fork = put_log(tmp_path / "fork", 400, changed=10)
    verdict = verify(folder_reader(fork).__call__, LOG_KEY.text(), [witness.seen_note(ORIGIN) or b""])
    assert (verdict.kind, verdict.first_bad) == ("forked", 0)


def test_keeps_the_co_signed_checkpoint_beside_the_log_and_verify_counts_it(tmp_path: Path, witness: WitnessFolder):
    log = put_log(tmp_path / "log", 300)
    note, _ = ask(on_the_spot(witness), folder_reader(log), key_of(log), witness.key, 0)
    path = keep_witnessed(log, witness.key, note)
    assert path.parent == log / "witnessed"
    put_log(log, 600)
    verdict = verify(folder_reader(log), LOG_KEY.text(), witnessed_notes(log), [witness.key.text()], 1)
    assert (verdict.ok, [(w.name, w.size, w.at) for w in verdict.witnesses]) == (True, [(NAME, 300, 1_790_000_000)])


def test_asked_by_many_at_once_it_goes_forward_only(tmp_path: Path, witness: WitnessFolder):
    """The race the specification warns of: an answer for a smaller tree must not roll back a larger one."""
    bodies = [asked(Question(0, [], log_of(entries(n))["checkpoint"])) for n in range(1, 40)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(witness.answer, bodies))
    assert sorted(a.status for a in answers) == [200] + [409] * 38
    seen = witness.seen(ORIGIN)
    assert seen is not None
    body = asked(Question(seen.size, proof_between(seen.size, entries(80)), log_of(entries(80))["checkpoint"]))
    assert witness.answer(body).status == 200


def test_a_damaged_memory_co_signs_nothing(tmp_path: Path, witness: WitnessFolder):
    log = put_log(tmp_path / "log", 3)
    ask(on_the_spot(witness), folder_reader(log), LOG_KEY, witness.key, 0)
    [kept] = (tmp_path / "w" / "seen").iterdir()
    kept.write_bytes(kept.read_bytes().replace(b"\n3\n", b"\n2\n"))
    with pytest.raises(EvidenceError):
        witness.answer(asked(Question(3, proof_between(3, entries(4)), log_of(entries(4))["checkpoint"])))


def test_answers_for_one_process_at_a_time(tmp_path: Path, witness: WitnessFolder):
    with pytest.raises(LinkError, match="another process"):
        WitnessFolder(tmp_path / "w")


def test_follows_a_log_by_one_key(tmp_path: Path, witness: WitnessFolder):
    witness.follow(LOG_KEY)
    with pytest.raises(EvidenceError, match="followed by another key"):
        witness.follow(parse_key(log_of([], seed=2)["log.vkey"].decode()))
    assert witness.logs() == [LOG_KEY]


def test_no_witness_lives_in_an_empty_folder(tmp_path: Path):
    with pytest.raises(LinkError, match="no witness lives"):
        WitnessFolder(tmp_path)


def test_an_origin_names_no_file(tmp_path: Path, witness: WitnessFolder):
    files = log_of(entries(3), origin="../../../etc/passwd")
    witness.follow(parse_key(files["log.vkey"].decode()))
    assert witness.answer(asked(Question(0, [], files["checkpoint"]))).status == 200
    assert {path.parent.name for path in (tmp_path / "w").rglob("*.checkpoint")} == {"seen"}


# -- the door ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A witness as it is run: `cityward witness serve`, in a process of its own."""
    folder = tmp_path_factory.mktemp("witness") / "w"
    make_witness(folder, NAME)
    with WitnessFolder(folder) as held:
        held.follow(LOG_KEY)
    argv = [sys.executable, "-m", "cityward", "witness", "serve", "--folder", str(folder), "--port", "0"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip().removesuffix("/add-checkpoint")
        try:
            yield address, folder
        finally:
            process.terminate()
            assert process.wait(10) in (0, -15)


def test_co_signs_by_http(door: tuple[str, Path], tmp_path: Path):
    address, folder = door
    from cityward.evidence.cosignature import parse_witness_key

    key = parse_witness_key((folder / "witness.vkey").read_text())
    for count in (5, 5, 700):
        log = put_log(tmp_path / "log", count)
        note, state = ask(poster(address), folder_reader(log), LOG_KEY, key, 0)
        assert state.size == count
        assert vouched_at(note.decode().splitlines(), log_of(entries(count))["checkpoint"], key) is not None
    status, body = by_hand(Outward(), "POST", f"{address}/add-checkpoint", asked(Question(2, [], note)))
    assert (status, body) == (409, b"700\n")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/add-checkpoint", b"", 405),
        ("POST", "/other", b"", 404),
        ("POST", "/add-checkpoint", b"nonsense", 400),
        ("POST", "/add-checkpoint", b"x" * 200_000, 413),
        ("POST", "/add-checkpoint", asked(Question(0, [], log_of([], origin="other/log")["checkpoint"])), 404),
        ("POST", "/add-checkpoint", asked(Question(0, [], log_of([], seed=2)["checkpoint"])), 403),
    ],
)
def test_refuses_by_http(door: tuple[str, Path], method: str, path: str, body: bytes, status: int):
    host = door[0].removeprefix("http://")
    link = http.client.HTTPConnection(host, timeout=10)
    link.request(method, path, body)
    assert link.getresponse().status == status
    link.close()


def test_tells_of_a_witness_that_is_not_there_and_of_an_address_without_tls(tmp_path: Path):
    log = put_log(tmp_path / "log", 3)
    make_witness(tmp_path / "w", NAME)
    with WitnessFolder(tmp_path / "w") as held:
        with pytest.raises(LinkError, match="did not answer"):
            ask(poster("http://127.0.0.1:1"), folder_reader(log), LOG_KEY, held.key, 0)
        with pytest.raises(LinkError, match="without TLS"):
            by_hand(Outward(), "GET", "http://witness.example/")


def test_follows_no_redirect(tmp_path: Path, witness: WitnessFolder):
    def elsewhere(body: bytes) -> tuple[int, bytes]:
        return 307, b""

    with pytest.raises(LinkError, match="307"):
        ask(elsewhere, folder_reader(put_log(tmp_path / "log", 3)), LOG_KEY, witness.key, 0)


def test_counts_no_answer_that_does_not_verify(tmp_path: Path, witness: WitnessFolder):
    with pytest.raises(EvidenceError, match="no valid cosignature"):
        ask(lambda body: (200, b"\xff\n"), folder_reader(put_log(tmp_path / "log", 3)), LOG_KEY, witness.key, 0)
