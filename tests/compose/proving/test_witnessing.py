"""A city asks its declared witnesses: what is kept, counted and put on record, and that nobody waits for one that is away."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from msgspec import structs

from cityward.adapters.ledgers.reading import witnessed_notes
from cityward.adapters.ledgers.witness_folder import WitnessFolder, make_witness
from cityward.compose.home import CityFile, Home, write_city_file
from cityward.compose.proving.witnessing import ROLE, Asked, WitnessProgress, read_progress, witnessing
from cityward.compose.setting import Setting, open_setting
from cityward.errors import LinkError
from cityward.evidence.records import Lifecycle
from cityward.time import DAY
from towns import write_town

NAME = "witness.example/clerk"


@pytest.fixture
def clerk(tmp_path: Path) -> Iterator[WitnessFolder]:
    make_witness(tmp_path / "clerk", NAME)
    with WitnessFolder(tmp_path / "clerk") as held:
        yield held


@pytest.fixture
def city(tmp_path: Path, clerk: WitnessFolder) -> Iterator[Setting]:
    town = write_town(tmp_path / "town", 3)
    text = (town / "place.yaml").read_text()
    text = text.replace(
        "datasets:\n", "datasets:\n  checkpoints: {personal: false, sensitivity: public, retention_days: 30}\n"
    )
    text = text.replace(
        "systems:\n", "systems:\n  clerks: {kind: portal, site: hall, operator: council, addresses: [127.0.0.1]}\n"
    )
    flow = "from: cityward, to: clerks, datasets: [checkpoints], purpose: environment, protocol: http, observability: enforced"
    text = text.replace("flows:\n", f"flows:\n  to-clerks: {{{flow}}}\n")
    text += f"\nwitnesses:\n  clerk: {{flow: to-clerks, endpoint: 'http://127.0.0.1:1', key: '{clerk.key.text()}', every_s: 1}}\n"
    (town / "place.yaml").write_text(text)
    home = Home(tmp_path / "state")
    home.prepare()
    write_city_file(
        home,
        CityFile(
            place=str(town), declaration="", bus_url="", passwords={}, mqtt_host="", mqtt_port=0, mqtt_ca=None,
            web_host="", web_port=0, admin_port=0, clock=(0, 0, 1.0),
        ),
    )  # fmt: skip
    setting = open_setting(home)
    yield setting
    setting.state.dispose()


def write(city: Setting, role: str, count: int) -> None:
    with city.ledger(role) as ledger:
        ledger.append([Lifecycle(at=i, by=role, event="started", detail={}) for i in range(count)])


def asked(city: Setting, ledger, post) -> tuple[Asked, WitnessProgress]:
    told = {"clerk": WitnessProgress()}
    return Asked(city, ledger, "clerk", city.loaded.place.witnesses["clerk"], told, post), told["clerk"]


def events(city: Setting) -> list[tuple[str, str]]:
    with city.ledger(ROLE) as ledger:
        return [(r.event, r.detail["why"]) for _, r in ledger.tail(100) if isinstance(r, Lifecycle)]


def test_every_ledger_that_has_grown_is_co_signed(city: Setting, clerk: WitnessFolder):
    for role in ("worker-0", "web"):
        write(city, role, 5)
        with city.ledger(role) as ledger:
            clerk.follow(ledger.key)
    calls: list[bytes] = []

    def post(body: bytes) -> tuple[int, bytes]:
        calls.append(body)
        answer = clerk.answer(body)
        return answer.status, answer.body

    with city.ledger(ROLE) as ledger:
        clerk.follow(ledger.key)
        one, progress = asked(city, ledger, post)
        one.round()
        assert (progress.state, progress.failed) == ("vouches", 0)
        assert (progress.sizes["web"], progress.sizes["worker-0"]) == (5, 5)
        before = len(calls)
        one.round()  # its own record has grown, the others have not
        assert len(calls) == before + 1
    assert all(len(witnessed_notes(city.home.ledger(role))) == 1 for role in ("worker-0", "web"))
    assert events(city) == [("witness-vouches", "")]


def test_a_witness_that_is_away_is_told_once_and_comes_back(city: Setting, clerk: WitnessFolder):
    write(city, "worker-0", 5)
    there = False

    def post(body: bytes) -> tuple[int, bytes]:
        if not there:
            raise LinkError("127.0.0.1 did not answer")
        answer = clerk.answer(body)
        return answer.status, answer.body

    with city.ledger("worker-0") as log, city.ledger(ROLE) as ledger:
        clerk.follow(log.key)
        clerk.follow(ledger.key)
        one, progress = asked(city, ledger, post)
        for _ in range(3):
            one.round()
        assert progress.state == "away"
        assert progress.failed >= 3
        there = True
        one.round()
    assert events(city) == [("witness-away", "127.0.0.1 did not answer"), ("witness-vouches", "")]


def test_a_witness_that_saw_another_history_is_a_finding_and_stops_nothing(city: Setting, clerk: WitnessFolder):
    write(city, "worker-0", 5)

    def post(body: bytes) -> tuple[int, bytes]:
        return 422, b""

    with city.ledger(ROLE) as ledger:
        one, progress = asked(city, ledger, post)
        one.round()
    assert progress.state == "contradicts"
    [(event, why)] = events(city)
    assert (event, "another history of test-town/" in why) == ("witness-contradicts", True)


async def until_failed(city: Setting, witness: str) -> None:
    """Run the loops until one ask has failed, then stop them."""
    stop = asyncio.Event()
    task = asyncio.create_task(witnessing(city, stop))
    async with asyncio.timeout(20):
        while not (read_progress(city.home.root).get(witness) or WitnessProgress()).failed:
            await asyncio.sleep(0.01)
        stop.set()
        await task


def test_the_loop_counts_a_witness_nobody_answers_for_and_ends_when_told(city: Setting):
    write(city, "worker-0", 5)
    asyncio.run(until_failed(city, "clerk"))
    told = read_progress(city.home.root)["clerk"]
    assert (told.state, told.cosigned, "did not answer" in told.last_error) == ("away", 0, True)


def test_nothing_is_asked_by_a_flow_that_is_not_declared_for_today(city: Setting):
    flow = structs.replace(city.loaded.place.flows["to-clerks"], valid_to=date(1970, 1, 1))
    place = structs.replace(city.loaded.place, flows=city.loaded.place.flows | {"to-clerks": flow})
    later = structs.replace(city.city, clock=(0, 10 * DAY, 1.0))
    held = replace(city, city=later, loaded=replace(city.loaded, place=place))
    write(city, "worker-0", 5)
    with city.ledger(ROLE) as ledger:
        one, progress = asked(held, ledger, lambda body: pytest.fail("it was asked"))
        one.round()
    assert (progress.state, "not declared for today" in progress.last_error) == ("away", True)


def test_a_key_that_is_none_stops_no_other_witness(city: Setting, clerk: WitnessFolder):
    good = city.loaded.place.witnesses["clerk"]
    bad = structs.replace(good, key=clerk.key.text()[:-4] + "AAA=")
    place = structs.replace(city.loaded.place, witnesses={"bad": bad, "clerk": good})
    write(city, "worker-0", 5)
    asyncio.run(until_failed(replace(city, loaded=replace(city.loaded, place=place)), "clerk"))
    told = read_progress(city.home.root)
    assert ("key" in told["bad"].last_error, told["bad"].asked) == (True, 0)
