"""Who can reach what, asked by the console."""

from __future__ import annotations

from web.house import House


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
