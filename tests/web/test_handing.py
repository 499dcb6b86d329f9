"""Giving incidents to people, putting them off, and steps of incident files, at the console's door."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs

from cityward.place.parties import Agreement, Party, PartyKind
from cityward.place.roles import Right, Role
from cityward.time import HOUR
from web.handing import MemoryFiles, MemoryHands
from web.house import NOON, House, MemoryPeople, house, opened
from web.test_watch import INCIDENT
from web.watching import MemoryBook


def door(files: MemoryFiles) -> House:
    """ada watches for the city, the guest for another party; the owner audits."""
    people = MemoryPeople()
    people.hold("ada", "officer")
    people.hold("guest", "visitor", party="elsewhere")
    people.hold("owner", "keeper")
    roles = {
        "officer": Role(party="council", rights=(Right.LOOK, Right.WATCH)),
        "visitor": Role(party="elsewhere", rights=(Right.WATCH,)),
        "keeper": Role(party="council", rights=(Right.LOOK, Right.AUDIT)),
    }
    book = MemoryBook({"i1": INCIDENT})
    made = house(people=people, watch=book, handing=MemoryHands(book), filing=files)
    place = made.doors.place
    parties = {**place.parties, "elsewhere": Party(kind=PartyKind.COMPANY, incorporated_in="unknown")}
    made.doors = replace(made.doors, place=structs.replace(place, roles=roles, parties=parties))
    return made


def test_an_incident_is_given_to_a_person_and_put_off_with_an_end() -> None:
    with opened(door(MemoryFiles())) as built, built.client("ada") as ada:
        assert ada.get("/api/watch/incidents/i1").json()["people"] == {"ada": "Ada Ford", "operator": "First person"}
        given = ada.post("/api/watch/incidents/i1/assign", json={"to": "ada"}).json()
        assert (given["assigned_to"], given["assigned_by"]) == ("ada", "ada")
        put_off = ada.post("/api/watch/incidents/i1/snooze", json={"hours": 2, "why": "parts"}).json()
        assert put_off["snoozed_until"] == NOON + 2 * HOUR
        told = ada.get("/api/watch").json()
        assert told["waiting"] == ["i1"] and told["hands"]["i1"]["assigned_to"] == "ada"
        again = ada.post("/api/watch/incidents/i1/snooze", json={"hours": 0}).json()
        assert again["snoozed_until"] == 0 and ada.get("/api/watch").json()["waiting"] == []


@pytest.mark.parametrize(
    ("act", "body", "status"),
    [
        ("i1/assign", {"to": "nobody"}, 409),
        ("i1/snooze", {"hours": 169}, 400),
        ("i1/snooze", {"hours": 0.001}, 409),  # 3.6 s: for nothing
        ("i2/assign", {"to": "ada"}, 404),
        ("i2/snooze", {"hours": 1}, 404),
    ],
)
def test_what_may_not_be_said_is_refused(act: str, body: dict[str, object], status: int) -> None:
    with opened(door(MemoryFiles())) as built, built.client("ada") as ada:
        assert ada.post(f"/api/watch/incidents/{act}", json=body).status_code == status


def test_whose_an_incident_is_concerns_people_of_the_city_only() -> None:
    with opened(door(MemoryFiles())) as built:
        with built.client("ada") as ada:
            ada.post("/api/watch/incidents/i1/assign", json={"to": "ada"})
        with built.client("guest") as guest:
            assert guest.post("/api/watch/incidents/i1/assign", json={"to": "ada"}).status_code == 403
            assert guest.post("/api/watch/incidents/i1/snooze", json={"hours": 1}).status_code == 403
            assert "Ada" not in guest.get("/api/watch/incidents/i1").text
            assert "ada" not in guest.get("/api/watch").text


def test_who_answers_for_an_incident_is_told_to_the_city_and_to_others_only_their_own_part() -> None:
    made = door(MemoryFiles())
    place = made.doors.place
    model = place.devices["lamp"].model
    parties = {**place.parties, "maker-inc": structs.replace(place.parties["elsewhere"], name="Maker Inc")}
    lamp = structs.replace(place.devices["lamp"], owner="elsewhere")
    models = {**place.device_models, model: structs.replace(place.device_models[model], maker="maker-inc")}
    datasets = next(flow.datasets for flow in place.flows.values() if flow.from_ == "lamp")
    agreed = {"upkeep": Agreement(kind="support", parties=("council", "maker-inc"), datasets=datasets)}
    devices = {**place.devices, "lamp": lamp}
    more = {"parties": parties, "devices": devices, "device_models": models, "agreements": agreed}
    made.doors = replace(made.doors, place=structs.replace(place, **more))
    with opened(made) as built:
        with built.client("ada") as ada:
            told = ada.get("/api/watch").json()["suppliers"]["i1"]
        assert [(one["party"], one["ties"], one["agreements"]) for one in told] == [
            ("elsewhere", ["owner"], []),
            ("maker-inc", ["maker"], ["upkeep"]),
        ]
        with built.client("guest") as guest:  # of the party that owns it: nothing of what was agreed with its maker
            answer = guest.get("/api/watch")
            assert answer.status_code == 200, answer.text
        assert [one["party"] for one in answer.json()["suppliers"]["i1"]] == ["elsewhere"]
        assert "maker-inc" not in answer.text and "upkeep" not in answer.text


def test_steps_of_a_file_are_put_on_record_as_the_person_of_the_session() -> None:
    files = MemoryFiles()
    with opened(door(files)) as built, built.client("ada") as ada:
        assert ada.post("/api/incidents", json={"incident": "i1"}).status_code == 201
        ada.post("/api/incidents", json={"title": "A box stood open", "subjects": ["site:yard"]})
        for body in (
            {"step": "decided", "text": "cut off"},
            {"step": "noted", "text": "counted", "people": "40"},
            {"step": "told", "text": "by telephone", "to": "the board", "duties": ["xa.warning"]},
            {"step": "closed", "text": "replaced"},
        ):
            assert ada.post("/api/incidents/f0", json=body).status_code == 200
        assert ada.post("/api/incidents/f0", json={"step": "told", "text": "to whom?"}).status_code == 400
        assert ada.post("/api/incidents/f9", json={"step": "decided", "text": "x"}).status_code == 409
        assert ada.post("/api/incidents", json={}).status_code == 400
        assert ada.get("/api/incidents/f0/export").status_code == 403  # reading one is another right
    assert files.said == [
        ("opened", "i1", "", (), "ada"),
        ("opened", "", "A box stood open", ("site:yard",), "ada"),
        ("decided", "f0", "cut off", "ada"),
        ("noted", "f0", "counted", "40", "ada"),
        ("told", "f0", "by telephone", "the board", ("xa.warning",), "ada"),
        ("closed", "f0", "replaced", "ada"),
    ]


def test_who_audits_takes_a_file_along_and_writes_none() -> None:
    with opened(door(MemoryFiles())) as built:
        with built.client("owner") as owner:
            taken = owner.get("/api/incidents/f0/export")
            assert taken.content.startswith(b"PK") and "incident-f0.zip" in taken.headers["content-disposition"]
            assert owner.post("/api/incidents", json={"title": "x"}).status_code == 403
        with built.client("guest") as guest:
            assert guest.post("/api/incidents", json={"title": "x"}).status_code == 403
