"""`cityward witness`: on a stick, by hand, from beginning to verdict."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cityward.cli.verify import command as verify
from cityward.cli.witness import command
from logs import ORIGIN, log_of, put

KEY = log_of([])["log.vkey"].decode().strip()


def entries(count: int, changed: int = -1) -> list[bytes]:
    return [b'{"at":%d}' % (i if i != changed else -i) for i in range(count)]


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(a) for a in arguments], catch_exceptions=False)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    done = run("init", "--folder", tmp_path / "w", "--name", "witness.example/clerk")
    assert done.exit_code == 0
    assert done.stdout.startswith("witness.example/clerk+")
    return tmp_path / "w"


def test_vouches_for_a_copy_on_a_stick_and_verify_demands_it(own: Path, tmp_path: Path):
    stick = put(log_of(entries(300)), tmp_path / "stick" / "worker-0").parent
    assert "not-followed  doggerford/worker-0" in run("once", "--folder", own, stick).output
    assert ORIGIN in run("follow", "--folder", own, KEY).output
    done = run("once", "--folder", own, stick)
    assert (done.exit_code, "co-signed     doggerford/worker-0  up to entry 299" in done.output) == (0, True)
    key = own / "witness.vkey"
    ask = [str(stick), "--witness", str(key), "--witnesses", "1"]
    assert CliRunner().invoke(verify, ask).exit_code == 0
    put(log_of(entries(700)), stick / "worker-0")
    assert run("once", "--folder", own, stick).exit_code == 0
    told = json.loads(CliRunner().invoke(verify, [*ask, "--json"]).output)["ledgers"][0]
    assert [w["size"] for w in told["witnesses"]] == [700]


def test_convicts_a_second_history(own: Path, tmp_path: Path):
    log = put(log_of(entries(300)), tmp_path / "stick" / "worker-0")
    run("follow", "--folder", own, "--file", log / "log.vkey")
    run("once", "--folder", own, log)
    put(log_of(entries(400, changed=10)), log)
    done = run("once", "--folder", own, log, "--json")
    [told] = json.loads(done.output)
    assert (done.exit_code, told["outcome"]) == (1, "contradicts")
    told = json.loads(CliRunner().invoke(verify, [str(log), "--json"]).output)["ledgers"][0]
    assert told["kind"] == "forked", "the checkpoint the witness had co-signed still lies beside the log"


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A web server over a folder."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "web"))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", tmp_path / "web"
        server.shutdown()


def test_looks_at_a_log_on_the_web_also_with_tiles_named_as_the_specification_does(own: Path, web: tuple[str, Path]):
    address, folder = web
    run("follow", "--folder", own, KEY)
    for count in (300, 700):
        files = log_of(entries(count))
        for path, width in ((f"tile/0/{count // 256:03d}", count % 256), ("tile/1/000", count // 256)):
            files[f"{path}.p/{width}"] = files.pop(path)
        shutil.rmtree(folder, ignore_errors=True)
        put(files, folder / "worker-0")
        done = run("once", "--folder", own, f"{address}/worker-0")
        assert (done.exit_code, f"up to entry {count - 1}" in done.output) == (0, True), done.output
    done = run("once", "--folder", own, f"{address}/nowhere")
    assert (done.exit_code, "contradicts" in done.output) == (1, False)


def test_a_witness_keeps_its_name(own: Path):
    from cityward.errors import EvidenceError

    with pytest.raises(EvidenceError, match="another witness lives"):
        run("init", "--folder", own, "--name", "witness.example/press")
    assert run("init", "--folder", own, "--name", "witness.example/clerk").exit_code == 0


def test_plain_http_is_for_loopback(own: Path):
    from cityward.errors import LinkError

    with pytest.raises(LinkError, match="plain HTTP on 0"):
        run("serve", "--folder", own, "--host", "0.0.0.0", "--port", "0")


def test_tells_a_city_that_asked_nobody(tmp_path: Path):
    assert "no witness was asked yet" in run("list", "--state", tmp_path).output


def test_says_where_there_is_no_log(own: Path, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    assert run("once", "--folder", own, tmp_path / "empty").exit_code == 2
