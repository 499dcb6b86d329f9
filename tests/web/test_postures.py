"""Postures at the console's door: by the roles of the session, over the city's own book."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cityward.compose.acting.postures import PostureDesk
from cityward.compose.home import Home, write_city_file
from cityward.compose.setting import open_setting
from compose.acting.test_postures import let_out, write_releasing_town
from towns import stopped_city
from web.house import House, MemoryPeople, opened
from web.house import house as a_house

WANTED = {"reason": "flood", "hours": 2}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    home = Home(tmp_path / "state")
    home.prepare()
    write_city_file(home, stopped_city(write_releasing_town(tmp_path / "town")))
    setting, people = open_setting(home), MemoryPeople()
    let_out(setting)
    people.hold("ada", "officer")
    people.hold("bo", "clerk")
    with opened(a_house(setting.loaded.place, people=people, posturing=PostureDesk(setting))) as built:
        yield built
    setting.state.dispose()


def test_an_officer_switches_it_on_and_off_and_everybody_sees_it(house: House):
    with house.client("ada") as ada, house.client("bo") as bo:
        row = ada.post("/api/postures/crisis/on", json=WANTED)
        assert (row.status_code, row.json()["state"], row.json()["asked_by"]) == (201, "on", "ada")
        told = {one["id"]: one for one in bo.get("/api/postures").json()["postures"]}
        assert (told["crisis"]["turn"]["reason"], told["crisis"]["mine"], told["storm"]["turn"]) == (
            "flood",
            False,
            None,
        )
        assert ada.post("/api/postures/crisis/off").json()["state"] == "off"
        assert [row["posture"] for row in bo.get("/api/postures").json()["ended"]] == ["crisis"]


def test_nobody_switches_it_without_the_right_or_without_the_role(house: House):
    with house.client("bo") as bo, house.stranger() as nobody:
        assert bo.post("/api/postures/crisis/on", json=WANTED).status_code == 403
        assert nobody.post("/api/postures/crisis/on", json=WANTED).status_code == 401
        assert nobody.get("/api/postures").status_code == 401


def test_where_two_are_needed_the_second_is_another_person_with_the_right(house: House):
    with house.client("ada") as ada, house.client("bo") as bo:
        assert ada.post("/api/postures/storm/on", json=WANTED).json()["state"] == "asked"
        refused = ada.post("/api/postures/storm/approve")
        assert (refused.status_code, "cannot approve it" in refused.json()["detail"]) == (409, True)
        assert bo.post("/api/postures/storm/approve").json()["state"] == "on"
        assert ada.post("/api/postures/storm/off").json()["state"] == "ending"
        assert bo.post("/api/postures/storm/refuse").json()["state"] == "on"


def test_the_preview_is_told_in_sentences(house: House):
    with house.client("bo") as bo:
        found = bo.get("/api/postures/crisis/preview").json()
        assert found["stopped"][0]["sentence"].startswith("`acme-desk` of `acme` gets no `counts` any more")
        assert bo.get("/api/postures/nothing/preview").status_code == 409


@pytest.mark.parametrize(
    "body", [{}, {"reason": "x", "hours": 0}, {"reason": "", "hours": 1}, {"reason": "x", "hours": 1e9}]
)
def test_a_body_that_is_no_wish_is_refused(house: House, body: dict[str, object]):
    with house.client("ada") as ada:
        assert ada.post("/api/postures/crisis/on", json=body).status_code == 400


def test_what_is_posted_from_another_site_is_refused(house: House):
    with house.client("ada", headers={"sec-fetch-site": "cross-site"}) as ada:
        assert ada.post("/api/postures/crisis/on", json=WANTED).status_code == 403
