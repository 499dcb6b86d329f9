"""Everything a stranger may send to a running town: refused with its reason, counted, kept to look at; and nobody else suffers.

One town runs for all of it. Each case has a device of its own, so that what became of it can be told exactly.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from cityward.adapters.bus.log import connect, make_log
from cityward.adapters.ledgers.reading import tail_of
from cityward.adapters.stores.state import SqlState
from cityward.cli import main
from cityward.compose.entering.credentials import issue_for
from cityward.compose.home import Home, read_city_file
from cityward.compose.starting.broker import LOG_BYTES
from cityward.evidence.records import Lifecycle
from cityward.guard.admit import WINDOW
from cityward.guard.reasons import MENDS, Reason
from cityward.runtime.ports import FlowCount, Quarantined
from mqtt import Mqtt
from towns import Town, running_town, write_town

PER_MINUTE = 600
MEDIA = {"meter": "application/senml+json", "gauge": "application/json"}
HOUR_S, DAY_S = 3600, 86_400
GOOD = 321.0


def senml(value: object, **fields: object) -> bytes:
    return json.dumps([{"n": "lux", "v": value, **fields}]).encode()


def plain(value: object, at: object) -> bytes:
    return json.dumps({"at": at, "lux": value}).encode()


def rfc3339(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def bad_bodies(now: float) -> dict[str, tuple[str, bytes, Reason]]:
    """What is wrong -> (the kind of device that sends it, the body, the reason it gets)."""
    naive = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    return {
        "not JSON": ("meter", b"lux=12.5", Reason.NOT_JSON),
        "cut short": ("meter", b'[{"n":"lux","v":12.5', Reason.NOT_JSON),
        "an empty pack": ("meter", b"[]", Reason.WRONG_SHAPE),
        "an object for a pack": ("meter", b'{"n":"lux","v":12.5}', Reason.WRONG_SHAPE),
        "a text for a number": ("meter", senml("12.5"), Reason.NOT_A_NUMBER),
        "true for a number": ("meter", senml(True), Reason.NOT_A_NUMBER),
        "NaN": ("meter", b'[{"n":"lux","v":NaN}]', Reason.NOT_FINITE),
        "Infinity": ("meter", b'[{"n":"lux","v":Infinity}]', Reason.NOT_FINITE),
        "-Infinity": ("meter", b'[{"n":"lux","v":-Infinity}]', Reason.NOT_FINITE),
        "a number without end": ("meter", b'[{"n":"lux","v":1e999}]', Reason.NOT_FINITE),
        "an unknown property": ("meter", b'[{"n":"smell","v":1}]', Reason.UNKNOWN_PROPERTY),
        "another unit": ("meter", senml(12.5, u="Cel"), Reason.UNIT_MISMATCH),
        "out of range": ("meter", senml(1e9), Reason.OUT_OF_RANGE),
        "below the range": ("meter", senml(-1), Reason.OUT_OF_RANGE),
        "the future": ("meter", senml(12.5, t=now + HOUR_S), Reason.IN_THE_FUTURE),
        "long ago": ("meter", senml(12.5, t=now - DAY_S - HOUR_S), Reason.TOO_OLD),
        "the year 1": ("meter", senml(12.5, t=-62_135_596_800), Reason.BAD_TIME),
        "a key twice": ("meter", b'[{"n":"lux","v":1,"v":2}]', Reason.DUPLICATE_KEY),
        "10,000 deep": ("meter", b"[" * 10_000 + b"]" * 10_000, Reason.TOO_DEEP),
        "10,000 deep in objects": ("gauge", b'{"a":' * 10_000 + b"1" + b"}" * 10_000, Reason.TOO_DEEP),
        "not UTF-8": ("meter", b'[{"n":"lu\xff\xfe","v":1}]', Reason.NOT_UTF8),
        "a naive time": ("gauge", plain(12.5, naive), Reason.NAIVE_TIME),
        "no time at all": ("gauge", plain(12.5, "yesterday"), Reason.BAD_TIME),
        "the future in words": ("gauge", plain(12.5, rfc3339(now + HOUR_S)), Reason.IN_THE_FUTURE),
        "long ago in words": ("gauge", plain(12.5, rfc3339(now - 2 * DAY_S)), Reason.TOO_OLD),
        "a key twice in an object": ("gauge", b'{"lux":1,"lux":2}', Reason.DUPLICATE_KEY),
        "nothing declared": ("gauge", b'{"smell":1}', Reason.WRONG_SHAPE),
        "a list for a number": ("gauge", b'{"lux":[1]}', Reason.NOT_A_NUMBER),
    }


CASES = list(bad_bodies(0))
METERS, GAUGES = 40, 10
FREE = [f"meter-{n:02}" for n in range(METERS, 0, -1)]  # devices for the tests that need one


@dataclass
class Bar:
    """A running town, its devices' secrets, and its state as the console reads it."""

    town: Town
    state: SqlState
    secrets: dict[str, str]
    free: list[str] = field(default_factory=lambda: list(FREE))

    def enter(self, device: str) -> Mqtt:
        return Mqtt(self.town.mqtt_port, device, self.secrets[device], wait_s=20)

    def say(self, device: str, *bodies: bytes) -> int:
        """By MQTT; how many were acknowledged."""
        with self.enter(device) as link:
            assert link.code == 0
            return sum(link.publish(f"in/{device}", body, n % 60_000 + 1) for n, body in enumerate(bodies))

    def post(self, device: str, body: bytes, path: str = "/v1/observations", media: str = "") -> tuple[int, bytes]:
        """By HTTP; the answer."""
        media = media or MEDIA[device.split("-", maxsplit=1)[0]]
        link = http.client.HTTPConnection(self.town.web.removeprefix("http://"), timeout=20)
        try:
            headers = {"Authorization": f"Bearer {self.secrets[device]}", "Content-Type": media}
            link.request("POST", path, body, headers)
            answer = link.getresponse()
            return answer.status, answer.read()
        finally:
            link.close()

    def latest(self, device: str) -> list[float]:
        return [row.value for row in self.state.latest_of([device])]

    def refused(self, device: str) -> Sequence[Quarantined]:
        return self.state.quarantine(10_000, device)

    def reason(self, word: str) -> int:
        return sum(count for (_, reason), count in self.state.reasons().items() if reason == word)

    def totals(self) -> FlowCount:
        rows = self.state.counts()
        for row in rows:
            assert row.received == row.admitted + row.refused + row.shed, row
        names = ("received", "admitted", "refused", "shed")
        return FlowCount("all", *(sum(getattr(row, name) for row in rows) for name in names))

    def still_takes_readings(self, device: str) -> None:
        """A good reading, by either door, is admitted afterwards."""
        value = 1000.0 + len(self.refused(device)) + self.totals().received
        assert self.say(device, senml(value)) == 1
        until(lambda: self.latest(device) == [value], f"a good reading of {device}")
        assert self.post(device, senml(value + 0.5))[0] == 202
        until(lambda: self.latest(device) == [value + 0.5], f"a good reading of {device} by HTTP")
        self.totals()


def until(true: Callable[[], bool], what: str, within_s: float = 45.0) -> None:
    """Wait for it."""
    deadline, pause = time.monotonic() + within_s, threading.Event()
    while not true():
        assert time.monotonic() < deadline, f"no {what} within {within_s} s"
        pause.wait(0.02)


@contextmanager
def a_bar(folder: Path, meters: int, gauges: int, per_minute: int) -> Iterator[Bar]:
    place = write_town(folder / "town", meters, gauges=gauges, messages_per_minute=per_minute)
    with running_town(place, folder / "state", "--plain-mqtt") as town:
        home = Home(folder / "state")
        state = SqlState(home.state_url)
        devices = [f"meter-{n:02}" for n in range(1, meters + 1)] + [f"gauge-{n:02}" for n in range(1, gauges + 1)]
        secrets = {s.device: s.password or "" for s in issue_for(home, state, devices, 0)}
        bar = Bar(town, state, secrets)
        try:
            until(lambda: _let_in(bar, devices[-1]), "doors that know the devices")
            yield bar
        finally:
            state.dispose()


def _let_in(bar: Bar, device: str) -> bool:
    """Whether both doors are open and know the device."""
    try:
        with bar.enter(device) as link:
            return link.code == 0 and bar.post(device, b"")[0] == 400
    except ConnectionError:
        return False


@pytest.fixture(scope="module")
def bar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bar]:
    with a_bar(tmp_path_factory.mktemp("bad-input"), METERS, GAUGES, PER_MINUTE) as bar:
        yield bar


@dataclass
class Sent:
    """What was sent for one case, by each door, with a good reading after it."""

    device: str
    body: bytes
    reason: Reason


@pytest.fixture(scope="module")
def sent(bar: Bar) -> dict[str, Sent]:
    """All cases are sent at once, so that the whole file waits for one batch only."""
    numbers = {"meter": iter(range(1, METERS)), "gauge": iter(range(1, GAUGES + 1))}
    now = time.time()
    out: dict[str, Sent] = {}
    for name, (kind, body, reason) in bad_bodies(now).items():
        device = f"{kind}-{next(numbers[kind]):02}"
        good = senml(GOOD, t=now) if kind == "meter" else plain(GOOD, now)
        assert bar.say(device, body) == 1
        assert bar.post(device, body)[0] == 202  # the log holds it; the door reads nothing
        assert bar.say(device, good) == 1
        out[name] = Sent(device, body, reason)
        if device in bar.free:
            bar.free.remove(device)
    until(lambda: all(bar.latest(s.device) == [GOOD] for s in out.values()), "good reading of every device")
    return out


@pytest.mark.parametrize("case", CASES)
def test_is_refused_by_its_reason_and_the_next_good_reading_is_held(bar: Bar, sent: dict[str, Sent], case: str) -> None:
    one = sent[case]
    rows = bar.refused(one.device)
    assert [row.reason for row in rows] == [one.reason.word] * 2  # one by each door
    assert {row.excerpt for row in rows} == {one.body[:256]}
    assert {row.flow for row in rows} == {f"{one.device.split('-')[0]}-light"}
    assert bar.latest(one.device) == [GOOD]
    bar.totals()


def test_every_refusal_is_counted_under_its_reason(bar: Bar, sent: dict[str, Sent]) -> None:
    for reason in {s.reason for s in sent.values()}:
        assert bar.reason(reason.word) >= 2 * sum(s.reason is reason for s in sent.values())
    assert bar.totals().refused >= 2 * len(sent)


def sign_in(bar: Bar) -> dict[str, str]:
    """The link that the start printed, used; the headers of a signed-in browser."""
    link = http.client.HTTPConnection(bar.town.web.removeprefix("http://"), timeout=20)
    try:
        token = urlsplit(bar.town.started["sign_in"]).query.removeprefix("token=")
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": bar.town.web}
        link.request("POST", "/sign-in", urlencode({"token": token}), headers)
        cookie = link.getresponse().getheader("set-cookie") or ""
        return {"Cookie": cookie.split(";")[0]}
    finally:
        link.close()


def refusals_page(bar: Bar, headers: dict[str, str]) -> dict[str, list[dict[str, object]]]:
    link = http.client.HTTPConnection(bar.town.web.removeprefix("http://"), timeout=20)
    try:
        link.request("GET", "/api/refusals?limit=500", headers=headers)
        answer = link.getresponse()
        assert answer.status == 200
        return json.loads(answer.read())
    finally:
        link.close()


def test_a_pack_loses_only_its_bad_readings(bar: Bar) -> None:
    device = bar.free.pop()
    pack = [{"n": "lux", "v": -5}, {"n": "temp", "v": 21.5}, {"n": "lux", "v": 77}, {"n": "smell", "v": 1}]
    assert bar.say(device, json.dumps(pack).encode()) == 1
    until(lambda: sorted(bar.latest(device)) == [21.5, 77.0], "the good readings of the pack")
    assert sorted(row.reason for row in bar.refused(device)) == ["out-of-range", "unknown-property"]


def test_of_a_batch_of_lines_only_the_bad_one_is_lost(bar: Bar) -> None:
    device = bar.free.pop()
    lines = b"\n".join([senml(1, t=time.time() - 2), b"{{{", senml(3, t=time.time() - 1)])
    status, answer = bar.post(device, lines, "/v1/observations/batch", "application/x-ndjson")
    assert (status, json.loads(answer)["accepted"]) == (202, 3)
    until(lambda: bar.latest(device) == [3.0], "the good lines")
    assert [row.reason for row in bar.refused(device)] == ["not-json"]


def test_what_is_sent_twice_is_held_once_by_whichever_door(bar: Bar) -> None:
    device, body = bar.free.pop(), senml(5, t=time.time())
    assert bar.say(device, body, body) == 2
    assert bar.post(device, body)[0] == 202
    until(lambda: len(bar.refused(device)) == 2, "two refusals")
    assert [row.reason for row in bar.refused(device)] == ["duplicate"] * 2
    assert bar.latest(device) == [5.0]


def test_a_recorded_message_that_is_played_again_is_refused_whole(bar: Bar) -> None:
    device, start = bar.free.pop(), time.time() - WINDOW - 10
    pack = json.dumps([{"n": "lux", "t": start + i, "v": i} for i in range(WINDOW + 1)]).encode()
    assert bar.say(device, pack) == 1
    until(lambda: bar.latest(device) == [float(WINDOW)], "the first time")
    assert bar.say(device, pack) == 1
    until(lambda: len(bar.refused(device)) == WINDOW + 1, "the second time, refused")
    words = [row.reason for row in bar.refused(device)]
    assert (words.count("replay"), words.count("duplicate")) == (1, WINDOW)
    bar.still_takes_readings(device)


def test_a_message_larger_than_the_flow_allows(bar: Bar) -> None:
    device, body = bar.free.pop(), senml(1) + b" " * 70_000
    assert bar.say(device, body) == 1
    until(lambda: [row.reason for row in bar.refused(device)] == ["too-large"], "the refusal")
    assert bar.refused(device)[0].excerpt == body[:256]
    assert bar.post(device, body)[0] == 413
    bar.still_takes_readings(device)


def test_ten_megabytes_are_cut_off_at_either_door_and_counted(bar: Bar) -> None:
    device, body = bar.free.pop(), b"x" * 10_000_000
    before = bar.reason("too-large")
    with bar.enter(device) as link:
        cut_off = False
        try:
            cut_off = not link.publish(f"in/{device}", body)
        except ConnectionError:
            cut_off = True
        assert cut_off
        assert link.closed_by_peer()
    until(lambda: bar.reason("too-large") == before + 1, "the count of what the broker cut off")
    assert bar.post(device, body)[0] == 413
    assert bar.refused(device) == []  # nothing of it came in
    bar.still_takes_readings(device)


def test_another_devices_topic_is_refused_by_the_broker_counted_and_recorded(bar: Bar) -> None:
    device, other = bar.free.pop(), bar.free.pop()
    before = bar.reason("broker-refused")
    with bar.enter(device) as link:
        for topic in (f"in/{other}", f"ack/{other}", f"in/0/{other}", f"cmd/{other}"):
            link.publish(topic, senml(1))  # MQTT 3.1.1 has no other word for "no" than an acknowledgement or a hang-up
    until(lambda: bar.reason("broker-refused") == before + 4, "the counts of what the broker refused")
    assert (bar.latest(other), bar.refused(other), bar.latest(device)) == ([], [], [])
    told = [r for _, r in tail_of(bar.town.state / "ledger" / "steward", 100) if isinstance(r, Lifecycle)]
    told = [r for r in told if r.event == "broker-refusals"]
    assert sum(int(r.detail.get(f"broker-refused {other}", "0")) for r in told) == 4
    bar.still_takes_readings(device)
    bar.still_takes_readings(other)


def test_a_client_that_nobody_knows_does_not_come_in(bar: Bar) -> None:
    for user, word in (("meter-01", "guess"), ("nobody", "guess"), ("worker", ""), ("", "")):
        with Mqtt(bar.town.mqtt_port, user, word, client_id="stranger") as link:
            assert link.code in (4, 5)
    assert bar.post("meter-01", senml(1), media="text/plain")[0] == 415
    until(lambda: turned_away(bar) >= 4, "a record of how many were turned away")


def turned_away(bar: Bar) -> int:
    told = [r for _, r in tail_of(bar.town.state / "ledger" / "steward", 100) if isinstance(r, Lifecycle)]
    return sum(int(r.detail["count"]) for r in told if r.event == "broker-turned-away")


def test_a_revoked_device_is_cut_off_and_what_it_said_before_still_counts(bar: Bar) -> None:
    device, worker = bar.free.pop(), bar.town.counts()["pids"]["worker-0"]
    with bar.enter(device) as link:
        assert link.publish(f"in/{device}", senml(11))
        until(lambda: bar.latest(device) == [11.0], "a reading before")
        os.kill(worker, signal.SIGSTOP)
        try:
            assert link.publish(f"in/{device}", senml(12))
            with pytest.raises(SystemExit) as ended:
                main(["device", "revoke", device, "--state", str(bar.town.state)])
            assert ended.value.code in (0, None)
            assert link.closed_by_peer()
        finally:
            os.kill(worker, signal.SIGCONT)
    with bar.enter(device) as again:
        assert again.code in (4, 5)
    until(lambda: bar.post(device, senml(13))[0] == 401, "refusal of its key")
    until(lambda: bar.latest(device) == [12.0], "what was acknowledged before the revocation")
    assert bar.refused(device) == []
    bar.totals()


def test_a_flood_is_shed_and_starves_nobody(bar: Bar) -> None:
    loud, quiet = bar.free.pop(), bar.free.pop()
    flood, calm = 3 * PER_MINUTE, 20
    before = bar.totals()
    acknowledged: list[bool] = []
    flooding = threading.Thread(target=lambda: acknowledged.extend(_flood(bar, loud, flood)))
    flooding.start()
    start = time.time()
    assert bar.say(quiet, *(senml(n, t=start - calm + n) for n in range(calm))) == calm
    until(lambda: bar.latest(quiet) == [calm - 1.0], "the quiet device's readings amid the flood")
    flooding.join(60)
    heard = sum(acknowledged)
    if heard < flood:  # the door was faster than the flood: it is kept out, and not merely disconnected
        until(lambda: _kept_out(bar, loud), "refusal of who was cut off")
    # of what was being sent when the connection was cut off, nobody can say whether it was heard
    until(lambda: heard + calm <= bar.totals().received - before.received <= heard + calm + 1, "everything judged")
    after = bar.totals()
    assert bar.refused(quiet) == []
    assert after.shed - before.shed >= heard - 2 * PER_MINUTE  # the flood may lie across the turn of a minute
    assert {row.reason for row in bar.refused(loud)} <= {"rate-exceeded"}
    assert bar.reason("rate-exceeded") == after.shed


def _flood(bar: Bar, device: str, count: int) -> Iterator[bool]:
    """So many readings, as fast as they are acknowledged, until the broker says no more; a True for each."""
    with bar.enter(device) as link:
        for n in range(count):
            try:
                heard = link.publish(f"in/{device}", senml(n, t=time.time() + n / 1e4), n + 1)
            except ConnectionError:
                return
            if not heard:
                return
            yield True


def _kept_out(bar: Bar, device: str) -> bool:
    with bar.enter(device) as link:
        return link.code in (4, 5)


def test_a_flood_by_http_is_told_to_wait(bar: Bar) -> None:
    device = bar.free.pop()
    lines = b"\n".join(senml(n, t=time.time() - n) for n in range(PER_MINUTE))
    answers = [bar.post(device, lines, "/v1/observations/batch", "application/x-ndjson")[0] for _ in range(4)]
    assert answers[0] == 202
    assert 429 in answers
    bar.totals()


def test_a_full_log_acknowledges_nobody_and_forgets_nothing(bar: Bar) -> None:
    device = bar.free.pop()

    async def limit(most: int) -> None:
        city = read_city_file(Home(bar.town.state))
        steward = await connect(city.bus_url, "steward", city.passwords["steward"])
        try:
            await make_log(steward, most)
        finally:
            await steward.close()

    assert bar.say(device, senml(1)) == 1
    before = bar.totals()
    asyncio.run(limit(1))
    try:
        with bar.enter(device) as link:
            assert link.code == 0
            assert not link.publish(f"in/{device}", senml(2))
        status, answer = bar.post(device, senml(3))
        assert (status, json.loads(answer)["type"]) == (503, "urn:cityward:problem:log-silent")
    finally:
        asyncio.run(limit(LOG_BYTES))
    bar.still_takes_readings(device)
    assert bar.refused(device) == []
    assert bar.totals().received >= before.received


def test_the_console_shows_each_reason_with_its_mend(bar: Bar, sent: dict[str, Sent]) -> None:
    headers = sign_in(bar)
    page = refusals_page(bar, headers)
    mends = {reason.word: mend for reason, mend in MENDS.items()}
    shown = {str(row["reason"]): row for row in page["reasons"]}
    assert {s.reason.word for s in sent.values()} <= shown.keys()
    assert all(row["mend"] == mends[word] for word, row in shown.items())
    assert bar.post("meter-01", b"x" * 2_000_000)[0] == 413
    assert "too-large" in {str(row["reason"]) for row in refusals_page(bar, headers)["door"]}
    assert 2 * len(sent) <= len(page["recent"]) <= 500


def test_the_broker_refusing_a_device_moves_nothing_in_the_log_at_the_next_start(tmp_path: Path) -> None:
    with a_bar(tmp_path, 2, 0, PER_MINUTE) as bar:
        with bar.enter("meter-01") as link:
            link.publish("in/meter-02", senml(1))
        until(lambda: bar.reason("broker-refused") == 1, "the count")
        assert bar.say("meter-01", senml(1)) == 1
        until(lambda: bar.latest("meter-01") == [1.0], "a reading")
        assert bar.town.stop() == 0
    with running_town(tmp_path / "town", tmp_path / "state", "--plain-mqtt") as town:
        again = Bar(town, SqlState(Home(tmp_path / "state").state_url), bar.secrets)
        until(lambda: _let_in(again, "meter-01"), "open doors")
        assert again.say("meter-01", senml(2)) == 1
        until(lambda: again.latest("meter-01") == [2.0], "a reading after the start")
        assert [row.seq < 100 for row in again.state.latest_of(["meter-01"])] == [True]
        again.state.dispose()
