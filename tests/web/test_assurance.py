"""What stands behind the report, at the door: for people of the city who audit; made by children, and signed."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from assured import assured_town
from cityward.assurance.reporting.model import encode
from cityward.compose.home import Home
from cityward.compose.proving.entries import entry_told
from cityward.compose.reporting.asking import ReportMade
from cityward.compose.reporting.folder import check_folder
from cityward.compose.reporting.gathering import gather
from cityward.compose.reporting.given import GivingDesk
from cityward.compose.stating.asking import asked_risks, asked_statements
from cityward.errors import EvidenceError, LinkError
from cityward.place.roles import Right, Role
from cityward.web.assurance_ports import Assuring
from web.house import House, MemoryPeople, house, opened

PATHS = ("/api/evidence/worker-0:0", "/api/report/statements", "/api/report/risks", "/api/report/changes",
         "/api/report/given", "/api/report/given/report-20270101T000000Z/report.html")  # fmt: skip


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return assured_town(tmp_path_factory.mktemp("town"))


@pytest.fixture
def door(town: Path) -> Iterator[House]:
    people = MemoryPeople()
    people.hold("ada", "officer")
    people.hold("owner", "keeper")
    people.hold("eve", "foreign", party="sensor-maker")
    roles = {
        "keeper": Role(party="council", rights=(Right.LOOK, Right.AUDIT)),
        "officer": Role(party="council", rights=(Right.LOOK, Right.WATCH, Right.DATA)),
        "foreign": Role(party="sensor-maker", rights=(Right.LOOK, Right.AUDIT)),
    }
    made = house(people=people)
    data = encode(gather(town, None).report)

    async def reporting() -> ReportMade:
        return ReportMade(data, b"", "")

    async def none() -> None:
        return None

    async def some() -> bytes:
        return b'{"statements":[]}'

    home = Home(town)
    assuring = Assuring(entry=lambda id_: entry_told(home, id_), statements=some, risks=none, given=GivingDesk(town))
    place = structs.replace(made.doors.place, roles=roles)
    made.doors = replace(made.doors, assuring=assuring, reporting=reporting, place=place)
    with opened(made) as built:
        yield built


def test_an_entry_is_told_whole_with_the_checkpoint_that_holds_it(door: House) -> None:
    with door.client("owner") as owner:
        told = owner.get("/api/evidence/worker-0:1").json()
        assert [owner.get(f"/api/evidence/{one}").status_code for one in ("worker-0:2", "worker-9:0", "..:0")] == [
            404
        ] * 3
    assert (told["id"], told["origin"], told["kind"], told["size"]) == (
        "worker-0:1",
        "smalltown/worker-0",
        "admission",
        2,
    )
    assert told["content"]["refused"] == {"unknown-device": 7}
    assert len(told["sha256"]) == len(told["root"]) == 64


def test_who_does_not_audit_or_is_of_another_party_is_given_nothing(door: House) -> None:
    for person in ("ada", "eve"):
        with door.client(person) as one:
            assert [one.get(path).status_code for path in PATHS] == [403] * len(PATHS), person
            assert one.post("/api/report/given", headers={"origin": door.url}).status_code == 403


def test_what_is_still_being_made_is_told_so(door: House) -> None:
    with door.client("owner") as owner:
        ready, later = owner.get("/api/report/statements"), owner.get("/api/report/risks")
    assert (ready.status_code, ready.json()) == (200, {"statements": []})
    assert (later.status_code, later.headers["retry-after"]) == (202, "5")


def test_an_entry_that_was_changed_is_refused(tmp_path: Path) -> None:
    state = assured_town(tmp_path)
    (file,) = [path for path in (state / "ledger" / "worker-0" / "tile" / "entries").rglob("*") if path.is_file()]
    file.write_bytes(file.read_bytes().replace(b'"received":7', b'"received":8'))
    with pytest.raises(EvidenceError, match="inclusion proof"):
        entry_told(Home(state), "worker-0:1")


def test_a_report_made_at_the_door_is_signed_on_record_and_compared_with(door: House, town: Path) -> None:
    with door.client("owner") as owner:
        assert owner.get("/api/report/changes").json() == {"since": None}
        begun = owner.post("/api/report/given", headers={"origin": door.url})
        assert (begun.status_code, begun.json()["making"]) == (202, True)
        assert owner.post("/api/report/given", headers={"origin": door.url}).status_code == 409
        told = begun.json()
        for _ in range(600):
            if not told["making"]:
                break
            told = owner.get("/api/report/given").json()
        assert (told["failed"], len(told["given"])) == ("", 1)
        name = told["given"][0]["name"]
        folder = town / "given" / name
        assert check_folder(folder, None).facts["assessment"] == told["given"][0]["digest"]
        page = owner.get(f"/api/report/given/{name}/report.html")
        assert page.content == (folder / "report.html").read_bytes()
        assert page.headers["content-disposition"] == f'attachment; filename="{name}-report.html"'
        assert owner.get(f"/api/report/given/{name}/keys").status_code == 404
        changed = owner.get("/api/report/changes").json()
    assert changed["since"] == told["given"][0]["digest"]
    assert entry_told(Home(town), "report:0").content["person"] == "owner"  # type: ignore[union-attr]


def test_a_folder_that_was_not_finished_is_not_told_of(tmp_path: Path) -> None:
    (tmp_path / "given" / "report-20270101T000000Z").mkdir(parents=True)
    desk = GivingDesk(tmp_path, (sys.executable, "-c", "raise SystemExit(2)"))

    async def scene() -> tuple[object, bool, str]:
        before = (await desk.told()).given
        began = await desk.give_out("ada")
        while (told := await desk.told()).making:
            await asyncio.sleep(0.01)
        return before, began, told.failed

    before, began, failed = asyncio.run(scene())
    assert (before, began) == ((), True)
    assert failed.startswith("it could not be made; run `cityward report --out`")


@pytest.mark.parametrize(
    ("bound", "most", "said"),
    [
        ("MOST_KEPT_BYTES", 1_999_999, "the reports kept here take 2 MB, and 2 MB are the most"),
        ("MOST_KEPT", 1, "1 reports are kept here, and 1 are the most"),
    ],
    ids=["bytes", "number"],
)
def test_no_report_is_begun_where_those_kept_are_at_their_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str, most: int, said: str
) -> None:
    kept = tmp_path / "given" / "report-20270101T000000Z"
    kept.mkdir(parents=True)
    (kept / "report.pdf").write_bytes(bytes(2_000_000))
    desk = GivingDesk(tmp_path, (sys.executable, "-c", "raise SystemExit(2)"))

    async def begun() -> bool:
        try:
            return await desk.give_out("ada")
        finally:
            await desk.close()

    assert asyncio.run(begun())
    monkeypatch.setattr(f"cityward.compose.reporting.given.{bound}", most)
    with pytest.raises(LinkError, match=said) as refused:
        asyncio.run(begun())
    assert "move the oldest folders out of `given`" in str(refused.value.mend)
    assert kept.is_dir()


def test_statements_and_risks_of_a_real_city_are_told_with_owners_only(town: Path) -> None:
    async def scene() -> tuple[bytes | None, bytes | None]:
        return await asked_statements(town)(), await asked_risks(town)()

    told, risks = asyncio.run(scene())
    assert told is not None and json.loads(told)["statements"] == []
    assert risks is not None
    assert all(one["owner"] for one in json.loads(risks)["risks"])
    assert json.loads(risks)["by_standing"].keys() >= {"open", "accepted", "unknown"}
