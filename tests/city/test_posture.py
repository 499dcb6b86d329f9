"""A running town under a posture: whoever asks and whoever is called gets nothing any more, and again once it is over."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlencode

import pytest

from cityward.adapters.ledgers.reading import tail_of
from cityward.compose.home import Home
from cityward.compose.setting import Setting, open_setting
from cityward.evidence.records import Postured
from cityward.runtime.people import Grant, Person, Stance, Step
from cityward.runtime.posturing import Turned
from releasing import Hook, cityward, count_of, hooked, opened, recipient, rows_in, wait, write_releasing
from towns import Town, running_town

POSTURES = """
postures:
  crisis: {by: [officer], stop_parties: [acme], longest_hours: 2}
roles:
  officer: {party: council, rights: [look, posture]}
"""
METER = "meter-01"


@dataclass
class Scene:
    """The town, a recipient that asks, and one that is called."""

    town: Town
    state: Path
    setting: Setting
    hook: Hook
    keys: dict[str, str]

    def observe(self, lux: float) -> None:
        """One reading, now."""
        body = json.dumps([{"n": "lux", "t": self.setting.now_us() / 1e6, "v": lux}]).encode()
        headers = {"Authorization": f"Bearer {self.keys[METER]}", "Content-Type": "application/senml+json"}
        with closing(http.client.HTTPConnection(self.town.web.removeprefix("http://"), timeout=20)) as link:
            link.request("POST", "/v1/observations", body, headers)
            assert link.getresponse().status in (200, 202)

    def ask(self) -> tuple[int, bytes]:
        asked = urlencode({"dataset": "light", "purpose": "planning"})
        with closing(http.client.HTTPConnection(self.town.web.removeprefix("http://"), timeout=20)) as link:
            link.request("GET", f"/api/release/rows?{asked}", headers={"Authorization": f"Bearer {self.keys['desk']}"})
            answer = link.getresponse()
            return answer.status, answer.read()

    def values(self) -> set[float]:
        """What the asking one is told; nothing where it is refused."""
        status, body = self.ask()
        return {row["value"] for row in rows_in(body)} if status == 200 else set()

    def called(self) -> set[float]:
        """What the called one was told."""
        return {row["value"] for _, _, body in self.hook.taken for row in rows_in(body)}

    def posture(self, *words: str, code: int = 0) -> dict[str, str]:
        return cityward("posture", *words, "--by", "ada", "--state", str(self.state), code=code)

    def steps(self) -> list[str]:
        ledger = tail_of(self.setting.home.ledger("posture"), 100)
        return [record.step for _, record in ledger if isinstance(record, Postured)]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("posture")
    with ExitStack() as open_:
        hook = open_.enter_context(hooked())
        place = write_releasing(folder / "place", [
            recipient("desk", "query", flows="[asked]"),
            recipient("hook", "webhook", flows="[called]", endpoint=f"http://127.0.0.1:{hook.port}/in"),
        ])  # fmt: skip
        (place / "place.yaml").write_text((place / "place.yaml").read_text() + POSTURES)
        town = open_.enter_context(running_town(place, folder / "state"))
        setting = open_setting(Home(folder / "state"))
        open_.callback(setting.state.dispose)
        setting.state.put_person(Person("ada", "Ada", "council", Stance.ACTIVE, 1))
        setting.state.put_grant(Grant("g1", "ada", "officer", Step.GIVEN, "duty", 1, since=1))
        state = ("--state", str(folder / "state"))
        meter = cityward("device", "add", METER, *state)["secret"]
        keys = {METER: meter, "desk": cityward("recipient", "add", "desk", *state)["key"]}
        cityward("recipient", "add", "hook", *state)
        opened(town)
        yield Scene(town, folder / "state", setting, hook, keys)


def test_it_stops_everybody_it_names_and_they_go_on_once_it_is_off(scene: Scene) -> None:
    scene.observe(11.5)
    wait("an answer", lambda: 11.5 in scene.values())
    wait("a call", lambda: 11.5 in scene.called())
    told = cityward("posture", "preview", "crisis", "--state", str(scene.state))
    assert {way["recipient"] for way in told["stopped"]} == {"desk", "hook"}
    assert scene.posture("on", "crisis", "--reason", "flood")["state"] == "on"
    status, body = wait("a refusal", lambda: (a := scene.ask())[0] != 200 and a)
    assert (status, "posture" in json.loads(body)["detail"]) == (403, True)
    scene.observe(12.5)
    wait("the reading to be held", lambda: any(row.value == 12.5 for row in scene.setting.state.latest_of([METER])))
    there = scene.setting.state.releases.position("hook", "light/planning")
    wait("it is passed by", lambda: scene.setting.state.releases.position("hook", "light/planning") != there)
    scene.posture("off", "crisis")
    scene.observe(13.5)
    wait("an answer again", lambda: 13.5 in scene.values())
    wait("a call again", lambda: 13.5 in scene.called())
    assert 12.5 not in scene.called(), "what came under the posture is not sent later"
    count_of(scene.town, "hook")
    assert scene.steps() == ["on", "off"]


def test_it_ends_by_itself_and_the_running_city_puts_that_on_record(scene: Scene) -> None:
    before = scene.steps()
    scene.posture("on", "crisis", "--reason", "flood", "--for", "1")
    wait("a refusal", lambda: scene.ask()[0] != 200)
    [row] = scene.setting.state.postures_under_way()
    now = row.until - row.seconds * 1_000_000
    scene.setting.state.put_posture(replace(row, until=now + 1))  # its hour is over
    wait("an answer again", lambda: scene.ask()[0] == 200)
    wait("the record", lambda: scene.steps() == [*before, "on", "expired"])
    wait("the book", lambda: scene.setting.state.postures(1)[0].state is Turned.EXPIRED)
