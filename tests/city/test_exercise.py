"""An exercise on a real twin of a small town: by the front doors, judged by its record, and shut to everybody outside."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, aclosing
from pathlib import Path

import numpy as np
import pytest

from city.test_taint import PLACE
from cityward.adapters.keys.commanding import command_key
from cityward.adapters.ledgers.reading import tail_of
from cityward.cli import main
from cityward.compose.exercising.outcome import Exercising, Outcome
from cityward.compose.exercising.recording import coverage, history, put_on_record
from cityward.compose.exercising.running import exercise
from cityward.compose.exercising.twin import MARK
from cityward.compose.home import Home, write_city_file
from cityward.compose.places import load_place
from cityward.errors import PlaceError
from cityward.evidence.records import Alerted, CommandIssued, CommandOutcome, Delivery, DeviceLife, Exercised, Lifecycle
from cityward.exercises.scenario import Kind, Must, NotStaged, Plan, Scenario
from cityward.exercises.scene import Scene
from cityward.exercises.seen import Seen
from cityward.exercises.steps import Ask, Credential, Deed, Do, Door, Persona, Send
from towns import stopped_city

NOON_US = 1_790_000_000_000_000
OUTSIDE = """
  alarms: {from: cityward, to: desk, datasets: [speeds], purpose: traffic, protocol: webhook, protection: none,
    observability: enforced, agreement: desk-1}
  rows: {from: cityward, to: desk, datasets: [speeds], purpose: traffic, protocol: webhook, protection: none,
    observability: enforced, agreement: desk-1}
recipients:
  rows-hook: {party: desk, flows: [rows], by: webhook, endpoint: "http://127.0.0.1:HOOK_PORT/", addresses: [127.0.0.1],
    jurisdiction: gb}
alerts:
  bell: {flow: alarms, endpoint: "http://127.0.0.1:BELL_PORT/", least: low}
functions:
  light: {service: lights, needs: [{of: [loop]}], areas: [quay], fail_safe: full light, essential: true}
"""
CABINET = """
  cabinet: {maker: council, format: modbus, properties: {lamp-level: {path: "input:10:u16:0.1"}}}
"""
POLLED = """
  cabinet: {model: cabinet, site: hall, owner: council, polled: [{host: 127.0.0.1, port: CABINET_PORT, unit: 3, every_s: 1}]}
"""
CABINET_FLOW = """  cabinet-in: {from: cabinet, to: cityward, datasets: [levels], purpose: traffic, protocol: modbus,
    protection: none, observability: enforced}
"""


class Ears:
    """A server of the real city's: it would hear whoever calls."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.port = self.socket.getsockname()[1]

    def heard_nothing(self) -> bool:
        try:
            self.socket.accept()
        except BlockingIOError:
            return True
        return False


@pytest.fixture
def ears(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Ears]]:
    """Whom a twin might reach by its declaration (hook, bell, cabinet) and by the environment of whoever starts it."""
    with ExitStack() as open_:
        found = {name: Ears() for name in ("HOOK", "BELL", "CABINET", "bus", "proxy")}
        for one in found.values():
            open_.callback(one.socket.close)
        monkeypatch.setenv("CITYWARD_BUS", f"nats://127.0.0.1:{found['bus'].port}")
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{found['proxy'].port}")
        yield found


def town(folder: Path, ears: dict[str, Ears]) -> Path:
    text = PLACE.replace(
        "  planner: {name",
        "  desk: {name: Desk, kind: company, incorporated_in: gb, addresses: [127.0.0.1]}\n  planner: {name",
    )
    text = text.replace(
        "\nagreements:\n",
        "\nagreements:\n  desk-1: {kind: sharing, parties: [council, desk], datasets: [speeds], purposes: [traffic], "
        "sites: [hall]}\n",
    )
    text = text.replace("\nservices:\n", OUTSIDE + "services:\n").replace("\ndevices:\n", f"{CABINET}devices:\n")
    text = text.replace("\nzones:\n", f"{POLLED}zones:\n")
    text = text.replace("\nflows:\n", f"\nflows:\n{CABINET_FLOW}")
    for name, one in ears.items():
        text = text.replace(f"{name}_PORT", str(one.port))
    folder.mkdir()
    (folder / "place.yaml").write_text(text)
    return folder


def answered(step: str, status: int) -> Must:
    def when(seen: Seen) -> int | None:
        answer = seen.answers.get(step)
        return answer.at if answer is not None and answer.status == status else None

    return Must(id=f"{step}-{status}", kind=Kind.REFUSED, said="", when=when, since=step, within_s=600)


def marked(seen: Seen) -> int | None:
    answer = seen.answers.get("look")
    return answer.at if answer is not None and b"EXERCISE" in answer.body else None


def at_the_doors(scene: Scene, chance: np.random.Generator) -> Plan | NotStaged:
    """Who may and who may not, at both doors; and a device that is taken out."""
    assert scene.units("loop")
    body = b'[{"n":"speed","u":"m/s","t":{at},"v":%d}]' % chance.integers(20, 29)
    return Plan(
        steps=(
            Send(key="own", at_s=0, unit="loop-01", body=body),
            Send(key="again", at_s=10, unit="loop-01", body=body, client="second", copies=3, spread_s=30),
            Send(key="guess", at_s=0, unit="loop-01", body=body, credential=Credential.GUESSED),
            Send(key="other", at_s=5, unit="loop-01", body=body, topic="in/loop-02"),
            Send(key="nobody", at_s=0, unit="lux", body=b"[{}]", door=Door.HTTP, credential=Credential.NONE),
            Send(key="posted", at_s=0, unit="lux", body=b'[{"n":"illuminance","u":"lx","t":{at},"v":5}]', door=Door.HTTP),
            Ask(key="stranger", at_s=0, who="", method="GET", path="/api/place"),
            Ask(key="look", at_s=5, who="ada", method="GET", path="/api/place"),
            Do(key="ring", at_s=20, deed=Deed.DEVICE, by="ada", said={"unit": "loop-02", "to": "stolen"}),
            Send(key="stolen", at_s=240, unit="loop-02", body=body, client="thief", credential=Credential.REVOKED),
        ),
        musts=(
            *(answered(step, 200) for step in ("own", "again", "look")),
            answered("posted", 202),
            *(answered(step, 0) for step in ("guess", "stolen")),
            *(answered(step, 401) for step in ("nobody", "stranger")),
            Must(
                id="for-another", kind=Kind.RECORDED, said="", since="other", within_s=600,
                when=lambda seen: seen.first(Lifecycle, lambda one: "broker-refused loop-02" in one.detail),
            ),
            Must(id="marked", kind=Kind.RECORDED, said="", when=marked, since="look", within_s=600),
            Must(
                id="out", kind=Kind.CONTAINED, said="", since="ring", within_s=600,
                when=lambda seen: seen.first(DeviceLife, lambda one: one.to == "stolen"),
            ),
            Must(
                id="told", kind=Kind.DETECTED, said="", since="guess", within_s=3600,
                when=lambda seen: seen.first(Alerted, lambda one: one.outcome != "sent"),
            ),
            Must(
                id="lit", kind=Kind.RECOVERED, said="", since="own", within_s=900,
                when=lambda seen: seen.values.get(("lamp", "lamp-level"), (None,))[0],
            ),
            Must(
                id="kept-in", kind=Kind.KEPT, said="", since="own", within_s=60,
                when=lambda seen: None if any(one.outcome == "delivered" for one in seen.of(Delivery)) else seen.now,
            ),
            Must(
                id="never", kind=Kind.DETECTED, said="", since="own", within_s=120, when=lambda _: None,
                failing="nothing of the sort exists",
            ),
        ),
        services=("lights",),
        subjects=("devices.loop",),
        personas=(Persona(name="ada", party="council", roles=("operator",)),),
        roles=("release", "collector"),
        settle_s=3600,
    )  # fmt: skip


SCENARIO = Scenario(id="T-01", title="At the doors", source="", limits="", plan=at_the_doors)


def run(place: Path, root: Path) -> Outcome:
    async def main_() -> list[Outcome]:
        wanted = Exercising(place=place, loaded=load_place(place), root=root, city_time_us=NOON_US, keep=True)
        async with aclosing(exercise([SCENARIO], wanted, lambda _: None)) as coming:
            return [one async for one in coming]

    [outcome] = asyncio.run(main_())
    return outcome


def test_an_attack_is_carried_out_on_a_closed_twin_and_put_on_the_citys_record(
    tmp_path: Path, ears: dict[str, Ears], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place, root = town(tmp_path / "town", ears), tmp_path / "exercises"
    outcome = run(place, root)

    assert [(one.must.id, one.why) for one in outcome.missed] == [
        ("never", "not within 600 s (known: nothing of the sort exists)")
    ]
    assert outcome.answers["again"].by_status == {200: 3}
    assert outcome.numbers["refused"] == 1.0
    assert outcome.numbers["evidence_complete"] == 1.0

    city = Home(tmp_path / "state")
    city.prepare()
    # nobody outside was reached, though the twin wanted to, and its own lamps were told and answered
    assert [name for name, one in ears.items() if not one.heard_nothing()] == []
    twin = Path(outcome.twin)
    assert {one.outcome for _, one in tail_of(twin / "ledger" / "alerts", 100) if isinstance(one, Alerted)} == {
        "refused"
    }
    service = [one for _, one in tail_of(twin / "ledger" / "service", 1000)]
    assert any(isinstance(one, CommandIssued) for one in service)
    assert any(isinstance(one, CommandOutcome) and one.outcome == "acknowledged" for one in service)

    # no lamp of the city's obeys it
    assert command_key(Home(twin).keys).public != command_key(city.keys).public

    # what came of it stands on the real city's record, and nowhere else
    state = city.root
    write_city_file(city, stopped_city(place))
    entry = put_on_record(state, outcome, 7, "ada")
    assert entry == "exercise:0"
    [tried] = history(state)
    assert (tried.scenario, tried.missed, tried.subjects, tried.checkpoint) == (
        "T-01", ("never",), ("devices.loop",), outcome.checkpoint,
    )  # fmt: skip
    assert [(one.service, one.critical, one.scenarios, one.held) for one in coverage(state)] == [
        ("lights", True, ("T-01",), False)
    ]
    with pytest.raises(SystemExit) as ended:
        main(["exercise", "history", "--state", str(state)])
    assert not ended.value.code
    assert "T-01" in capsys.readouterr().out
    [(_, record)] = tail_of(state / "ledger" / "exercise", 10)
    assert isinstance(record, Exercised)

    # a twin's folder runs no city, and a city's no twin; who starts a twin holds a pipe to it
    with pytest.raises(SystemExit) as refused:
        main(["run", str(place), "--state", str(twin)])
    assert refused.value.code == 1
    with Path(os.devnull).open() as nothing, pytest.raises(SystemExit) as refused:
        monkeypatch.setattr("sys.stdin", nothing)
        main(["run", str(place), "--state", str(state), "--exercise", str(twin / MARK)])
    assert refused.value.code == 1
    assert PlaceError.__name__ in capsys.readouterr().err


def test_what_a_place_has_nothing_for_leaves_no_entry(tmp_path: Path) -> None:
    outcome = Outcome(scenario=SCENARIO, staged=False, why="no loop")
    assert put_on_record(tmp_path, outcome, 7, "ada") == ""
