"""The door outward against real servers: what is taken, what is refused, what is cut."""

from __future__ import annotations

import ssl
import threading

import pytest

from cityward.adapters.outward import connect, http
from cityward.adapters.outward.http import Request, exchange
from cityward.errors import LinkError, Refused
from outward import Door, Names, at
from peers import Certificates, behaving, floods, is_silent, receiver, trickles

HERE = "127.0.0.0/8"
POST = Request("POST", "/in?x=1", b"{}", {"Content-Type": "application/json"})


def named(port: int, *more: str) -> tuple[Names, object]:
    return Names(hooks_example=["127.0.0.1"]), at(f"https://hooks.example:{port}/", "hooks.example", *(more or (HERE,)))


def test_what_is_posted_arrives_over_tls_at_the_name_which_is_looked_up_once(certificates: Certificates):
    with receiver(201, certificates.server) as (port, got):
        names, exit_ = named(port)
        door = Door(names, certificates.trust)
        assert exchange(door, exit_, POST).status == 201
    [(path, headers, body)] = got.requests
    assert (path, body, headers["Host"]) == ("/in?x=1", b"{}", f"hooks.example:{port}")
    assert names.asked == ["hooks.example"]
    count = door.counts()["test"]
    assert (count.opened, count.closed, count.failed, count.refused, count.cut) == (1, 1, 0, 0, 0)


def test_a_certificate_for_another_name_gets_nothing(certificates: Certificates):
    with receiver(201, certificates.server) as (port, got):
        door = Door(Names(other_example=["127.0.0.1"]), certificates.trust)
        with pytest.raises(LinkError, match="certificate does not hold"):
            exchange(door, at(f"https://other.example:{port}/", "other.example", HERE), POST)
    assert got.requests == []
    assert (door.counts()["test"].opened, door.counts()["test"].closed, door.counts()["test"].failed) == (1, 1, 1)


def test_a_certificate_of_strangers_gets_nothing(certificates: Certificates):
    with receiver(201, certificates.server) as (port, got):
        names, exit_ = named(port)
        with pytest.raises(LinkError, match="certificate does not hold"):
            exchange(Door(names), exit_, POST)
    assert got.requests == []


def test_whoever_would_not_check_certificates_is_stopped(certificates: Certificates):
    lax = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    lax.check_hostname = False
    lax.verify_mode = ssl.CERT_NONE
    with receiver(201, certificates.server) as (port, got):
        names, exit_ = named(port)
        with pytest.raises(ValueError, match="does not check"):
            exchange(Door(names, lax), exit_, POST)
    assert got.requests == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused_and_told_with_the_host_it_led_to(status: int, certificates: Certificates):
    with receiver(204, None) as (elsewhere, there):
        location = f"http://metadata.example:{elsewhere}/latest"
        with receiver(status, certificates.server, location) as (port, _):
            names, exit_ = named(port)
            door = Door(names, certificates.trust)
            with pytest.raises(Refused, match=rf"answered {status}: it leads on to `metadata\.example`"):
                exchange(door, exit_, POST)
    assert there.requests == []
    assert names.asked == ["hooks.example"]
    assert (len(door.turned), door.counts()["test"].refused) == (1, 1)


def test_an_endpoint_that_moved_to_another_block_is_refused_and_told(certificates: Certificates):
    with receiver(201, certificates.server) as (port, got):
        names, exit_ = named(port, "127.1.0.0/16")
        door = Door(names, certificates.trust)
        with pytest.raises(Refused, match=r"leads to 127\.0\.0\.1: that is in none of its declared blocks"):
            exchange(door, exit_, POST)
    assert got.requests == []
    assert [turned.exit.host for turned in door.turned] == ["hooks.example"]
    assert (door.counts()["test"].opened, door.counts()["test"].refused) == (0, 1)


def test_a_name_that_changes_its_answer_is_judged_anew_by_each_connection(certificates: Certificates):
    with receiver(201, certificates.server) as (port, got):
        names, exit_ = named(port)
        door = Door(names, certificates.trust)
        exchange(door, exit_, POST)
        names.names["hooks.example"] = ["169.254.169.254"]
        with pytest.raises(Refused):
            exchange(door, exit_, POST)
    assert (len(got.requests), len(names.asked)) == (1, 2)


def test_the_second_address_is_taken_where_the_first_does_not_answer(certificates: Certificates):
    with receiver(201, certificates.server) as (port, got):
        names, exit_ = named(port)
        names.names["hooks.example"] = ["127.9.9.9", "127.0.0.1"]
        exchange(Door(names, certificates.trust), exit_, POST)
    assert len(got.requests) == 1


def test_no_proxy_of_the_environment_is_asked(certificates: Certificates, monkeypatch: pytest.MonkeyPatch):
    with receiver(200, None) as (proxy, asked), receiver(201, certificates.server) as (port, got):
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
        names, exit_ = named(port)
        exchange(Door(names, certificates.trust), exit_, POST)
    assert (len(got.requests), asked.requests) == (1, [])


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("behaviour", [trickles, is_silent], ids=["a byte now and then", "silent"])
def test_an_exchange_ends_at_its_deadline(scheme: str, behaviour: object):
    with behaving(behaviour) as port:
        door = Door()
        with pytest.raises(LinkError, match="did not answer"):
            exchange(door, at(f"{scheme}://127.0.0.1:{port}/"), Request("GET", "/", whole_s=0.2))
    count = door.counts()["test"]
    assert (count.opened, count.closed, count.failed) == (1, 1, 1)


def test_an_endless_answer_is_read_up_to_its_bound():
    with behaving(floods(b"HTTP/1.1 200 OK\r\n\r\n")) as port:
        answer = exchange(Door(), at(f"http://127.0.0.1:{port}/"), Request("GET", "/", most_answer=1000))
    assert (answer.status, answer.body, answer.is_whole) == (200, b"x" * 1000, False)


def test_an_answer_that_announces_more_than_it_sends_is_not_whole():
    def short(link: object, _: threading.Event) -> None:
        link.recv(65_536)
        link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")

    with behaving(short) as port:
        answer = exchange(Door(), at(f"http://127.0.0.1:{port}/"), Request("GET", "/"))
    assert (answer.status, answer.body, answer.is_whole) == (200, b"abc", False)


def test_a_whole_answer_is_whole():
    def whole(link: object, _: threading.Event) -> None:
        link.recv(65_536)
        link.sendall(b"HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")

    with behaving(whole) as port:
        answer = exchange(Door(), at(f"http://127.0.0.1:{port}/"), Request("GET", "/"))
    assert (answer.status, answer.body, answer.is_whole, answer.is_taken) == (404, b"abc", True, False)


@pytest.mark.parametrize(
    "beginning",
    [
        b"HTTP/1.1 200 OK\r\nX: ",
        b"\0\1\2 no http\r\n",
        b"HTTP/1.1 99999999 OK\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
    ids=["endless header", "no http", "no status", "continue for ever"],
)
def test_what_is_no_answer_is_an_error_and_bounded(beginning: bytes):
    def answer(link: object, ended: threading.Event) -> None:
        link.recv(65_536)
        while not ended.is_set():
            link.sendall(beginning if b"100" in beginning else beginning + b"x" * 65_536)

    with behaving(answer) as port, pytest.raises(LinkError, match="did not answer"):
        exchange(Door(), at(f"http://127.0.0.1:{port}/"), Request("GET", "/", whole_s=0.5))


@pytest.mark.parametrize("part", ["a\r\nX: y", "a\nb"])
def test_no_header_or_path_can_add_another(part: str):
    with receiver(204, None) as (port, got):
        for request in (Request("POST", "/", b"", {"X-Name": part}), Request("GET", f"/{part}")):
            with pytest.raises(LinkError):
                exchange(Door(), at(f"http://127.0.0.1:{port}/"), request)
    assert got.requests == []


def test_the_deadline_of_an_exchange_is_less_than_that_of_an_alert():
    from cityward.runtime.watching.alerting import SEND_S

    assert connect.WHOLE_S < SEND_S
    assert Request("GET", "/").whole_s == connect.WHOLE_S
    assert http.MOST_ANSWER == 4096
