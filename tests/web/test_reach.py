"""Who can reach what, asked by the console."""

from __future__ import annotations

from cityward.errors import EvidenceError
from cityward.reach.since.changes import changes
from cityward.reach.since.shapes import Since, Version
from declarations import loaded
from web.house import NOON, House, MemoryPeople, house, opened
from web.staff import staffed_place

ONE = loaded().place
VERSIONS = (Version(digest="a" * 64, at_us=NOON),)


def test_a_dataset_s_readers_are_answered(shared: House) -> None:
    with shared.client() as person:
        report = person.get("/api/reach", params={"about": "dataset", "id": "traffic"}).json()
    read = [row for row in report["rows"] if row["mode"] == "read" and not row["axis"]]
    assert [(row["who"], row["verdict"]) for row in read] == [("council", "reachable")]


def test_the_reason_of_a_row_is_asked_for_by_its_own_fields(shared: House) -> None:
    with shared.client() as person:
        report = person.get("/api/reach", params={"about": "party", "id": "council"}).json()
        row = report["rows"][0]
        asked = {key: row[key] for key in ("who", "axis", "kind", "item", "mode", "verdict")}
        reason = person.get("/api/reach/reason", params=asked).json()
    assert reason["conclusion"].startswith("So council could ")
    assert set(reason["nodes"]) | set(reason["flows"])


def test_a_question_about_nothing_is_404_and_a_wrong_one_400(shared: House) -> None:
    with shared.client() as person:
        assert person.get("/api/reach", params={"about": "party", "id": "nobody"}).status_code == 404
        assert person.get("/api/reach", params={"about": "weather", "id": "x"}).status_code == 400
        assert person.get("/api/reach", params={"about": "dataset"}).status_code == 400
        asked = {"who": "council", "kind": "dataset", "item": "traffic", "mode": "stop", "verdict": "reachable"}
        assert person.get("/api/reach/reason", params=asked).status_code == 400
        asked |= {"mode": "read", "who": "nobody"}
        assert person.get("/api/reach/reason", params=asked).status_code == 404


def test_a_stranger_learns_nothing(shared: House) -> None:
    with shared.stranger() as stranger:
        assert stranger.get("/api/reach").status_code == 401


def test_what_changed_is_asked_with_a_moment_and_cut_to_people_of_the_city() -> None:
    asked: list[tuple[int, int]] = []

    def changed(since_us: int, now_us: int) -> Since:
        asked.append((since_us, now_us))
        return changes(ONE, ONE, VERSIONS, since_us, now_us)

    people = MemoryPeople()
    people.hold("engineer", "engineer", party="northlight")
    people.hold("desk", "desk")
    with opened(house(staffed_place(), people=people, changed=changed)) as door:
        with door.client("desk") as person:
            told = person.get("/api/reach/changes?since=1760000000000").json()
            assert told["sentence"].startswith("Nothing changed")
            person.get("/api/reach/changes?since=1760000000000")
            assert asked == [(1_760_000_000_000_000, NOON)]  # the same question is not worked out twice
            assert person.get("/api/reach/changes").status_code == 400
        with door.client("engineer") as engineer:
            assert engineer.get("/api/reach/changes?since=1760000000000").status_code == 403


def test_where_no_declaration_is_kept_it_is_404_with_a_mend() -> None:
    def none(since_us: int, now_us: int) -> Since:
        raise EvidenceError("no earlier declaration is kept", mend="from its next start on")

    with opened(house(changed=none)) as door, door.client() as person:
        answer = person.get("/api/reach/changes?since=5")
        assert answer.status_code == 404
        assert "no earlier declaration is kept; from its next start on" in answer.text
