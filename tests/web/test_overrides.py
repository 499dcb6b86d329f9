"""Overrides at the console's door: by the roles of the session, over the city's own book."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cityward.compose.acting.overrides import OverrideDesk
from compose.acting.test_overrides import DIM, city_of
from web.house import House, MemoryPeople, opened
from web.house import house as a_house

ROLES = """
roles:
  lamplighter: {party: council, rights: [look, operate], services: [lights]}
  reader: {party: council, rights: [look, data], datasets: [counts]}
  deputy: {party: council, rights: [look, approve]}
"""
HELD = {"target": "lamps", "value": 100, "reason": "fog", "hours": 2}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    two = (DIM, DIM.replace("100}", "100, two_person: true}"))
    setting, people = city_of(tmp_path, two, ("\nservices:", f"{ROLES}\nservices:")), MemoryPeople()
    for person, role in (("ada", "lamplighter"), ("bo", "deputy"), ("cy", "reader")):
        people.hold(person, role)
    with opened(a_house(setting.loaded.place, people=people, overriding=OverrideDesk(setting))) as built:
        yield built
    setting.state.dispose()


def test_an_operator_sees_what_it_would_do_holds_it_and_undoes_it(house: House):
    with house.client("ada") as ada:
        seen = ada.post("/api/services/lights/overrides/preview", json={"target": "lamps", "value": 100})
        assert (seen.status_code, seen.json()["counts"]) == (200, {"allowed": 2})
        row = ada.post("/api/services/lights/overrides", json=HELD)
        assert (row.status_code, row.json()["state"], row.json()["devices"]) == (201, "holding", 2)
        told = ada.get("/api/services/lights/overrides").json()
        assert (told["mine"], told["targets"], told["longest_hours"]) == (True, ["lamps"], 24.0)
        assert [one["reason"] for one in told["overrides"]] == ["fog"]
        assert ada.post(f"/api/overrides/{row.json()['id']}/undo").json()["state"] == "undone"


def test_who_only_looks_sees_what_is_held_and_changes_nothing(house: House):
    with house.client("ada") as ada, house.client("cy") as cy, house.stranger() as nobody:
        id_ = ada.post("/api/services/lights/overrides", json=HELD).json()["id"]
        told = cy.get("/api/services/lights/overrides").json()
        assert (told["mine"], len(told["overrides"]), told["commands"], told["consents"]) == (False, 1, [], [])
        for path, body in (("services/lights/overrides", HELD), (f"overrides/{id_}/undo", None)):
            assert cy.post(f"/api/{path}", json=body).status_code == 403
            assert nobody.post(f"/api/{path}", json=body).status_code == 401
        assert nobody.get("/api/services/lights/overrides").status_code == 401


def test_the_second_person_is_another_one(house: House):
    with house.client("ada") as ada, house.client("bo") as bo, house.client("cy") as cy:
        asked = ada.post("/api/services/lights/overrides", json=HELD | {"value": 50}).json()
        assert asked["state"] == "asked"
        path = f"/api/overrides/{asked['id']}"
        refused = ada.post(f"{path}/approve")
        assert (refused.status_code, "cannot approve it" in refused.json()["detail"]) == (409, True)
        assert cy.post(f"{path}/approve").status_code == 409
        assert (bo.post(f"{path}/approve").json()["state"], ada.post(f"{path}/refuse").status_code) == ("holding", 409)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("services/elsewhere/overrides", HELD, 409),
        ("services/lights/overrides", HELD | {"hours": 25}, 400),
        ("services/lights/overrides", HELD | {"reason": ""}, 400),
        ("services/lights/overrides", HELD | {"value": 1e99}, 400),
        ("services/lights/overrides", HELD | {"target": "counter-1"}, 409),
        ("services/lights/overrides", HELD | {"more": 1}, 400),
        ("services/lights/overrides/preview", {"target": "lamps"}, 400),
        ("overrides/nothing/undo", None, 409),
    ],
    ids=str,
)
def test_what_may_not_be_is_said(house: House, path: str, body: object, status: int):
    with house.client("ada") as ada:
        assert ada.post(f"/api/{path}", json=body).status_code == status
        assert ada.get("/api/services/elsewhere/overrides").status_code == 404
