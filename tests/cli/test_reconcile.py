"""`cityward reconcile`: on the fictional logs of Doggerford, and on a town that runs."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from click.testing import CliRunner, Result

from cityward.adapters.flow_logs.tuples import MOST, STRANGERS_MOST
from cityward.adapters.stores.state import SqlState
from cityward.cli import COMMANDS
from cityward.cli.reconcile import command
from cityward.compose.entering.credentials import issue_for
from cityward.compose.home import Home
from mqtt import Mqtt
from towns import Town, running_town, write_town

DOGGERFORD = Path(__file__).parents[2] / "examples" / "doggerford"
CONN, FIREWALL = DOGGERFORD / "observed" / "conn.log", DOGGERFORD / "observed" / "firewall.csv"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Away from the checkout: a city that ran there has seen something too."""
    monkeypatch.chdir(tmp_path)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(a) for a in arguments])


def document(*arguments: str | Path) -> dict[str, Any]:
    return json.loads(run(*arguments, "--json").stdout)


def told(answer: dict[str, Any], kind: str) -> list[str]:
    return [finding["what"] for finding in answer["findings"] if finding["kind"] == kind]


def outcome(answer: dict[str, Any], kind: str, name: str) -> str:
    [found] = [one["outcome"] for one in answer[kind] if one["path"] == f"{kind}.{name}"]
    return found


# --- the fictional day of Doggerford


def test_finds_in_doggerfords_day_what_its_readme_says_and_nothing_else():
    answer = document(DOGGERFORD, "--log", CONN)
    camera, desk = told(answer, "undeclared")
    assert camera.startswith(
        "`harbour-cameras` (192.0.2.101) connected to 203.0.113.200 (an address that no record names)"
    )
    assert desk.startswith("`open-moorings` (203.0.113.18) connected to `video-management` (192.0.2.22) by ssh")
    changed = told(answer, "changed")
    assert [text.split("`")[1] for text in changed] == [
        "speeds-to-planner", "counts-to-planner", "harbour-lamps", "lamps-remote",
    ]  # fmt: skip
    assert "protection declared `tls`, seen in plain" in changed[0]
    assert "status declared `planned`" in changed[2]
    assert "place declared `gb`, seen corvane-campus" in changed[3]
    assert answer["buckets"]["turned-away"] == 1
    assert not answer["clean"]


def test_every_flow_of_doggerford_is_in_one_outcome_by_how_it_is_known():
    answer = document(DOGGERFORD, "--log", CONN)
    for share in answer["shares"]:
        assert sum(share["outcomes"].values()) == share["declared"]
    shares = {share["observability"]: share["outcomes"] for share in answer["shares"]}
    assert shares["not-observable"] == {"not-observable": 8}  # never counted as fine
    assert outcome(answer, "flows", "harbour-video") == "as-declared"
    assert outcome(answer, "flows", "station-video") == "silent"
    assert outcome(answer, "flows", "quay-counts-in") == "no-observer"
    assert outcome(answer, "accesses", "lamps-night-desk") == "as-declared"


def test_findings_name_the_lines_of_the_declaration_and_of_the_log():
    done = run(DOGGERFORD, "--log", CONN)
    assert done.exit_code == 1
    line = 1 + (DOGGERFORD / "devices.yaml").read_text().split("\n").index("  harbour-cameras:")
    assert f"devices.yaml:{line}  devices.harbour-cameras" in done.output
    first = 1 + next(n for n, row in enumerate(CONN.read_text().split("\n")) if "203.0.113.200" in row)
    assert f"seen      conn.log:{first}" in done.output
    assert "nothing given could have seen" in done.output


def test_a_second_log_adds_what_only_it_saw():
    answer = document(DOGGERFORD, "--log", CONN, "--log", FIREWALL)
    texts = told(answer, "undeclared")
    assert any("(192.0.2.102) tried to connect to 203.0.113.201" in text and "refused (deny)" in text for text in texts)
    assert any("`transit-control`" in text and "203.0.113.53" in text for text in texts)
    assert [log["form"] for log in answer["logs"]] == ["Zeek", "CSV"]


def test_the_logs_are_those_that_their_script_makes(tmp_path: Path):
    for file in DOGGERFORD.joinpath("observed").iterdir():
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes() if file.suffix == ".py" else b"")
    subprocess.run([sys.executable, str(tmp_path / "make.py")], check=True)
    assert (tmp_path / "conn.log").read_bytes() == CONN.read_bytes()
    assert (tmp_path / "firewall.csv").read_bytes() == FIREWALL.read_bytes()


def test_after_the_last_line_everything_is_silent_and_nothing_has_drifted():
    done = run(DOGGERFORD, "--log", CONN, "--since", "2026-03-04", "--json")
    answer = json.loads(done.stdout)
    assert done.exit_code == 0
    assert answer["clean"]
    assert outcome(answer, "flows", "harbour-video") == "silent"
    assert any("`harbour-video`" in text and "last seen on 2026-03-02" in text for text in told(answer, "silent"))


# --- usage


def test_is_among_the_commands_and_shows_examples():
    assert "reconcile" in COMMANDS
    assert "--log examples/doggerford/observed/conn.log" in run("--help").output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "does not exist"),
        ([DOGGERFORD, "--log", "nowhere.log"], "does not exist"),
        ([DOGGERFORD, "--log", CONN, "--since", "yesterday"], "write a date such as 2026-03-01"),
        ([DOGGERFORD, "--log", CONN, "--since", "2026-03-01T12:00:00"], "no time zone"),
    ],
)
def test_says_how_it_is_used(arguments: list[str | Path], said: str):
    done = run(*arguments)
    assert done.exit_code == 2
    assert said in " ".join(done.output.replace("│", "").split())


def test_without_anything_that_was_seen_it_says_what_to_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    done = run(DOGGERFORD)
    assert done.exit_code == 2
    assert "nothing was seen yet" in done.output


def test_a_file_that_is_no_log_is_an_error_of_one_sentence(tmp_path: Path):
    odd = tmp_path / "odd.log"
    odd.write_bytes(bytes(range(256)) * 10)
    done = subprocess.run(
        [sys.executable, "-m", "cityward", "reconcile", str(DOGGERFORD), "--log", str(odd)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("DecodeError: no flow log")
    assert "Traceback" not in done.stderr


def test_bad_lines_are_told_and_do_not_hide_the_good_ones(tmp_path: Path):
    log = tmp_path / "fw.csv"
    log.write_text("src,dst,dst_port\n192.0.2.101,203.0.113.200,443\nrubbish\n")
    done = run(DOGGERFORD, "--log", log)
    assert "2 lines, 1 distinct; 1 BAD" in done.output
    assert "fw.csv:3: 1 columns under 3" in done.output
    assert "`harbour-cameras` (192.0.2.101)" in done.output


# --- a flooded log


def strangers(count: int) -> str:
    """As many distinct pairs of addresses that no record names."""
    return "".join(f"2001:db8:ffff::{n:x},2001:db8:fffe::1,443\n" for n in range(1, count + 1))


def test_a_flood_of_strangers_hides_nothing_that_is_declared(tmp_path: Path):
    log = tmp_path / "flood.csv"
    log.write_text(f"src,dst,dst_port\n{strangers(200_100)}192.0.2.102,203.0.113.201,443\n")
    done = run(DOGGERFORD, "--log", log)
    assert done.exit_code == 1
    assert "1 seen, not declared" in done.output
    assert "(192.0.2.102) connected to 203.0.113.201" in done.output
    assert "flood.csv:200102" in done.output


def test_a_flood_of_strangers_alone_is_counted_and_no_finding(tmp_path: Path):
    log = tmp_path / "flood.csv"
    log.write_text(f"src,dst,dst_port\n{strangers(STRANGERS_MOST + 7)}")
    done = run(DOGGERFORD, "--log", log)
    assert done.exit_code == 0
    assert "7 more lines between strangers, counted only" in done.output


def test_a_log_with_more_of_ours_than_there_is_room_for_is_never_clean(tmp_path: Path):
    """As much talk within a declared thing as is kept, and one line after it that nobody declared."""
    log = tmp_path / "flood.csv"
    ours = "".join(f"192.0.2.22,192.0.2.22,{n % 65_536},{n}\n" for n in range(MOST))
    log.write_text(f"src,dst,dst_port,service\n{ours}192.0.2.102,203.0.113.201,443,\n")
    done = run(DOGGERFORD, "--log", log)
    assert done.exit_code == 1
    second = done.output.splitlines()[1]
    assert "NOT CLEAN" in second
    assert "1 line" in second
    assert "0 seen, not declared, of what was looked at" in done.output


# --- a town that runs


DEVICE = "  {0}:\n    model: light-meter\n    site: hall\n    owner: council\n    status: {1}\n"
FLOW = (
    "  {0}-light:\n    from: {0}\n    to: {1}\n    datasets: [light]\n    purpose: environment\n    protocol: http\n"
    "    observability: enforced\n"
)


def extend(place: Path, cellar: str, *more: str) -> Path:
    """The meters' town with a light meter in the cellar, with others, and without a flow for what is warm."""
    file = place / "place.yaml"
    devices = [DEVICE.format("cellar", cellar), *(DEVICE.format(name, "active") for name in more)]
    flows = [FLOW.format(name, "cityward") for name in ("cellar", *more)]
    text = file.read_text().replace("\nflows:\n", f"\n{''.join(devices)}flows:\n")
    text = text.replace("properties: [illuminance, air-temperature]}", "properties: [illuminance]}")
    archive = "operator: council}\n  archive: {kind: storage, site: hall, operator: council}\ndatasets"
    text = text.replace("operator: council}\ndatasets", archive)
    out = FLOW.format("cityward", "archive")
    access = "accesses:\n  admin: {party: council, target: cityward, modes: [read, command]}\n"
    file.write_text(f"{text}{''.join(flows)}{out}{access}")
    return place


def post(town: Town, device: str, secret: str, body: bytes) -> int:
    link = http.client.HTTPConnection(town.web.removeprefix("http://"), timeout=20)
    try:
        headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/senml+json"}
        link.request("POST", "/v1/observations", body, headers)
        return link.getresponse().status
    finally:
        link.close()


def sign_in(town: Town) -> int:
    link = http.client.HTTPConnection(town.web.removeprefix("http://"), timeout=20)
    try:
        token = urlsplit(town.started["sign_in"]).query.removeprefix("token=")
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": town.web}
        link.request("POST", "/sign-in", urlencode({"token": token}), headers)
        return link.getresponse().status
    finally:
        link.close()


def until(true: Callable[[], bool], what: str, within_s: float = 45.0) -> None:
    """Wait for it; doors that are still closed are waited for as well."""
    deadline, pause = time.monotonic() + within_s, threading.Event()
    while True:
        with contextlib.suppress(ConnectionError):
            if true():
                return
        assert time.monotonic() < deadline, f"no {what} within {within_s} s"
        pause.wait(0.05)


def let_in(town: Town, device: str, word: str) -> bool:
    with Mqtt(town.mqtt_port, device, word, wait_s=20) as link:
        return link.code == 0


def turned_away_sessions(answer: dict[str, Any]) -> list[dict[str, Any]]:
    away = [one["seen"] for one in answer["sightings"] if one["bucket"] == "turned-away"]
    return [seen for seen in away if seen["kind"] == "session"]


@dataclass(frozen=True)
class Live:
    """A town that ran with more than is declared: what reconcile says of it while it runs, and after it stopped."""

    declared: Path
    ran: Path
    state: Path
    running: dict[str, Any]
    stopped: dict[str, Any]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Live:
    """The city was started with a meter in the cellar and a ghost; meanwhile one was put in store, the other taken out."""
    folder = tmp_path_factory.mktemp("reconcile")
    ran = extend(write_town(folder / "ran", 2), "active", "ghost")
    declared, state = extend(write_town(folder / "declared", 2), "stored"), folder / "state"
    with running_town(ran, state, "--plain-mqtt") as town:
        home = Home(state)
        store = SqlState(home.state_url)
        try:
            names = ["meter-01", "meter-02", "cellar", "ghost"]
            secrets = {s.device: s.password or "" for s in issue_for(home, store, names, 0)}
            until(lambda: let_in(town, "meter-01", secrets["meter-01"]), "open broker")
            reading = json.dumps([{"n": "lux", "v": 12.5}, {"n": "temp", "v": 20}]).encode()
            with Mqtt(town.mqtt_port, "meter-01", secrets["meter-01"], wait_s=20) as link:
                assert link.publish("in/meter-01", reading)
            with Mqtt(town.mqtt_port, "nobody", "guess", client_id="stranger") as link:
                assert link.code != 0
            for name in ("cellar", "ghost"):
                until(lambda n=name: post(town, n, secrets[n], b'[{"n":"lux","v":3}]') == 202, "open web door")
            assert sign_in(town) in (200, 303)
            until(lambda: {"meter-01", "cellar", "ghost"} <= store.seen().keys(), "readings")
            until(lambda: turned_away_sessions(document(declared, "--state", state)) != [], "record of the stranger")
            running = document(declared, "--state", state)
            assert town.stop() == 0
        finally:
            store.dispose()
    return Live(declared, ran, state, running, document(declared, "--state", state))


def test_a_declared_device_that_speaks_is_as_declared_and_one_that_does_not_is_named(live: Live):
    assert outcome(live.running, "flows", "meter-light") == "as-declared"
    [meter] = [one for one in live.running["devices"] if one["path"] == "devices.meter"]
    assert (meter["outcome"], meter["silent"]) == ("silent", ["meter-02"])
    assert outcome(live.running, "flows", "cityward-light") == "silent"


def test_a_stored_device_that_speaks_is_found(live: Live):
    assert outcome(live.running, "devices", "cellar") == "changed"
    wanted = "device `cellar` was seen otherwise than declared: status declared `stored`"
    assert any(wanted in text for text in told(live.running, "changed"))
    line = 1 + (live.declared / "place.yaml").read_text().split("\n").index("    status: stored")
    assert f"place.yaml:{line}  devices.cellar.status" in run(live.declared, "--state", live.state).output


def test_a_device_and_a_flow_that_nobody_declared_are_found(live: Live):
    texts = told(live.running, "undeclared")
    assert any("`ghost` claimed to be a device of `cityward`" in text for text in texts)
    assert any("sent to `cityward`" in text and "No flow" in text for text in texts)
    assert run(live.declared, "--state", live.state).exit_code == 1


def test_what_no_flow_carries_is_found_though_the_gate_refused_it(live: Live):
    wanted = "`meter` (meter-01) tried to send to `cityward`, and was refused (no-flow)"
    assert any(wanted in text for text in told(live.running, "undeclared"))
    assert {"reason": "no-flow", "rows": 1} in [
        {"reason": one["reason"], "rows": one["rows"]} for one in live.running["refusals"]
    ]


def test_a_stranger_at_the_broker_is_turned_away_and_a_sign_in_is_an_access_used(live: Live):
    assert outcome(live.running, "accesses", "admin") == "as-declared"
    [stranger] = turned_away_sessions(live.running)
    assert stranger["count"] >= 1  # the meter tried as well, before the broker knew it
    assert stranger["refused"] == "by the broker"
    assert stranger["where_from"].startswith("steward:")


def test_says_the_same_after_the_town_has_stopped(live: Live):
    for kind in ("flows", "devices", "accesses"):
        assert [one["outcome"] for one in live.stopped[kind]] == [one["outcome"] for one in live.running[kind]]
    assert told(live.stopped, "changed") == told(live.running, "changed")
    assert told(live.stopped, "undeclared") == told(live.running, "undeclared")


def test_by_the_ledgers_a_window_counts_what_came_in_it(live: Live):
    def since(days: int) -> dict[str, Any]:
        day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + days * 86_400))
        return document(live.declared, "--state", live.state, "--since", day)

    def meters(answer: dict[str, Any]) -> tuple[str, int]:
        [found] = [one for one in answer["flows"] if one["path"] == "flows.meter-light"]
        return found["outcome"], found["count"]

    assert meters(live.stopped) == meters(since(-1)) == ("as-declared", 1)
    later = since(2)
    assert meters(later) == ("silent", 0)
    assert later["clean"]


def test_against_what_it_was_started_with_only_what_no_flow_carries_remains(live: Live):
    answer = document(live.ran, "--state", live.state)
    assert [text.split(",")[0] for text in told(answer, "undeclared")] == [
        "`meter` (meter-01) tried to send to `cityward`"
    ]
    assert told(answer, "changed") == []
    assert answer["notes"] == []
    assert any("another version of this declaration" in note for note in live.stopped["notes"])


def test_a_folder_in_which_no_city_ran_is_an_error_of_ours(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-m", "cityward", "reconcile", str(DOGGERFORD), "--state", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "LinkError: no city has run in" in done.stderr
    assert list(tmp_path.iterdir()) == []  # and nothing was made there
