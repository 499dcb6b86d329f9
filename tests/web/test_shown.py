"""Show me as: what a person who answers for rights is shown as a role, on the wire; and what they try in it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from cityward.evidence.records import Lifecycle, Read
from cityward.place.roles import Right
from cityward.runtime.people import held_now, shown_as
from cityward.time import SECOND
from cityward.web import showings as shown
from cityward.web.accounts.sight import Sights
from cityward.web.api import (
    cameras,
    city,
    datum,
    exercises,
    incidents,
    moments,
    ngsi_ld,
    people,
    reach,
    received,
    services,
    watch,
    whatif,
)
from cityward.web.showings import MOST_SHOWN, SHOWN_S, Showings
from web.staff import Staff, staffed, staffed_place
from web.test_people import Pages, live_words, why
from web.watching import MemoryBook

FOREIGN = ("counter", "weather", "air-1", '"counts', "pm2-5", "vehicle", "hill-")
ROOMS = (cameras, city, datum, exercises, incidents, moments, ngsi_ld, people, reach, received, services, watch, whatif)
FROM_US = {"sec-fetch-site": "same-origin"}


@pytest.fixture
def staff(tmp_path: Path) -> Iterator[Staff]:
    with staffed(tmp_path, watch=MemoryBook(), ledger=Pages()) as one:
        one.somebody("gail", "giver")
        one.somebody("sam", "second")
        one.somebody("ada", "desk")
        yield one


def show(person: httpx.Client, role: str) -> httpx.Response:
    return person.post("/api/me/as", json={"role": role}, headers=FROM_US)


def test_shown_as_an_engineer_of_a_supplier_nothing_comes_that_is_not_the_engineers(staff: Staff) -> None:
    with staff.door.client("gail") as gail:
        assert {one["id"] for one in gail.get("/api/place").json()["devices"]} > {"lamp-01", "counter-1"}
        assert show(gail, "engineer").status_code == 204
        place = gail.get("/api/place")
        assert {one["id"] for one in place.json()["devices"]} == {"lamp-01", "lamp-02"}
        answers = [place, *(gail.get(f"/api/{p}") for p in ("refusals", "commands", "indicators", "me", "grants"))]
        answers += [gail.get("/ngsi-ld/v1/entities?local=true"), gail.get("/api/devices/lamp-01")]
        for answer in answers:
            assert answer.status_code in (200, 403), answer.text
            assert not any(word in answer.text for word in FOREIGN), (answer.url, answer.text)
        said = live_words(gail)
        assert not any(word in said for word in FOREIGN)
        for path in ("reach", "reach/subjects", "chain", "watch", "people", "reads", "approvals", "me/as"):
            assert gail.get(f"/api/{path}").status_code == 403, path
        for name in ("counter-1", "weather-1"):
            assert gail.get(f"/api/devices/{name}").status_code == 404
        assert gail.get("/api/me/sessions").json() == {"sessions": []}


def test_every_get_of_the_console_answers_one_shown_as_the_engineer_with_no_more_than_the_engineer_hears(
    staff: Staff,
) -> None:
    """The same question by the engineer and by who is shown as them: what the one is refused is not told to the other."""
    staff.somebody("eve", "engineer", party="northlight")
    asked = [one.path for room in ROOMS for one in room.ROUTES if one.method == "GET" and one.path != "/api/live"]
    with staff.door.client("eve") as eve, staff.door.client("gail") as gail:
        assert show(gail, "engineer").status_code == 204
        for path in (one.replace("{id}", "counter-1").replace("{device}", "counter-1") for one in asked):
            theirs, told = eve.get(path), gail.get(path)
            assert theirs.status_code == 200 or told.status_code != 200, path
            assert told.status_code == 200 or not any(word in told.text for word in ("12.5", "pm2-5")), path


def test_me_answers_as_the_role_and_names_what_is_withheld(staff: Staff) -> None:
    with staff.door.client("gail") as gail:
        assert gail.get("/api/me").json()["shows_as"] is True
        show(gail, "engineer")
        me = gail.get("/api/me").json()
        assert (me["rights"], me["passkeys"], me["offers"], me["asked"]) == (["look"], [], [], [])
        assert me["shown"]["role"] == "engineer" and me["party"] == "northlight"
        assert me["shown"]["withheld"] == ["data", "operate", "lamps"]
        assert me["shows_as"] is False


def test_a_role_shows_no_value_that_its_viewer_may_not_read(staff: Staff) -> None:
    """`desk` reads traffic; who is shown as it, and holds no `data`, reads none: giving roles is no way to the data."""
    with staff.door.client("ada") as ada, staff.door.client("gail") as gail:
        assert ada.get("/api/devices/counter-1").json()["latest"]
        show(gail, "desk")
        assert gail.get("/api/devices/counter-1").json()["latest"] == []
        assert '"value"' not in live_words(gail)


def test_nothing_is_changed_while_shown_and_no_showing_begins_in_one(staff: Staff) -> None:
    with staff.door.client("gail") as gail:
        show(gail, "desk")
        for path in (one.path for room in ROOMS for one in room.ROUTES if one.method != "GET" and one.signed_in):
            assert gail.post(path.replace("{id}", "x"), json={}, headers=FROM_US).status_code == 403, path
        for path in (
            "/api/me/as",
            "/api/me/ask",
            "/api/me/glass",
            "/api/me/passkeys/ask",
            "/api/me/prove/ask",
            "/api/people",
        ):
            assert why(gail.post(path, json={"role": "giver"}, headers=FROM_US))[1] in ("shown-as", "no-right"), path
        assert why(show(gail, "second")) == (403, "shown-as")
        assert gail.get("/api/me").json()["shown"]["role"] == "desk"


def test_only_who_answers_for_rights_of_the_city_may_and_only_from_our_own_pages(staff: Staff) -> None:
    staff.somebody("eve", "engineer", party="northlight")
    with staff.door.client("ada") as ada, staff.door.client("eve") as eve, staff.door.client("sam") as sam:
        assert why(show(ada, "engineer")) == (403, "no-right") == why(show(eve, "desk"))
        assert ada.get("/api/me/as").status_code == 403
        elsewhere = sam.post("/api/me/as", json={"role": "desk"}, headers={"sec-fetch-site": "cross-site"})
        assert why(elsewhere) == (403, "cross-site")
        assert why(show(sam, "nobody")) == (409, "refused")
        told = {one["role"]: one for one in sam.get("/api/me/as").json()["roles"]}
        assert told["engineer"]["ours"] is False and told["desk"]["withheld"] == ["contain", "data", "watch", "traffic"]
        assert show(sam, "desk").status_code == 204


def test_it_ends_by_the_button_and_is_on_record_as_both(staff: Staff) -> None:
    ledger = staff.door.doors.ledger
    assert isinstance(ledger, Pages)
    with staff.door.client("gail") as gail, staff.door.client("gail") as other:
        show(gail, "engineer")
        gail.get("/api/place")
        assert other.get("/api/me").json()["shown"] is None, "another session of theirs is their own"
        assert gail.post("/api/me/as/end", headers=FROM_US).status_code == 204
        assert gail.get("/api/me").json()["name"] == "Gail"
        assert {one["id"] for one in gail.get("/api/place").json()["devices"]} > {"counter-1"}
    staff.door.app.state.desk.reads.close()
    told = [one for one in ledger.records if isinstance(one, Lifecycle) and one.event.startswith("shown-as")]
    assert [(one.event, one.detail["who"], one.detail["role"]) for one in told] == [
        ("shown-as", "gail", "engineer"), ("shown-as-ended", "gail", "engineer"),
    ]  # fmt: skip


def test_reads_name_the_person_and_what_they_were_shown_as() -> None:
    from dataclasses import replace

    from cityward.runtime.people import Held
    from cityward.web.accounts.reads import Reads
    from cityward.web.identity import PERSON, Caller
    from web.house import house

    ledger = Pages()
    reads = Reads(replace(house().doors, ledger=ledger))
    held = shown_as(staffed_place(), Held(), "engineer", 5)
    reads.note(Caller("gail", PERSON, b"12345678", held), "live", 3)
    asyncio.run(reads.flush())
    (record,) = ledger.records
    assert isinstance(record, Read)
    assert (record.person, record.what) == ("gail", {"live shown as engineer": 3})


def test_the_open_stream_is_cut_when_a_showing_begins(staff: Staff) -> None:
    with staff.door.client("gail") as gail, gail.stream("GET", "/api/live") as feed:
        lines = feed.iter_lines()
        assert next(line for line in lines if line.startswith("event: counts"))
        show(gail, "engineer")
        for line in lines:  # until it ends: the browser comes back and is told as the role
            assert "after" not in line


def test_a_showing_ends_by_itself_and_the_oldest_gives_way() -> None:
    showings = Showings()
    showings.begin(b"a", "desk", 0)
    assert showings.of(b"a", SHOWN_S * SECOND - 1) == shown.Showing("desk", SHOWN_S * SECOND)
    assert showings.of(b"a", SHOWN_S * SECOND) is None
    for n in range(MOST_SHOWN):
        showings.begin(b"%d" % n, "desk", 0)
    assert showings.of(b"a", 1) is None


@pytest.mark.parametrize("role", [*staffed_place().roles, "undeclared"])
@pytest.mark.parametrize("viewer", list(staffed_place().roles))
def test_no_pair_of_roles_shows_more_than_either_holds(viewer: str, role: str) -> None:
    from cityward.place.registry import number
    from web.house import MemoryPeople

    place, people = staffed_place(), MemoryPeople()
    people.hold("v", viewer, party=place.roles[viewer].party)
    theirs = held_now(place, people.standings["v"], 1, None)
    held, sights = shown_as(place, theirs, role, 10), Sights(place, number(place))
    assert held.shown is not None
    whole = held.shown.whole
    assert held.rights == theirs.rights & whole.rights and held.datasets <= theirs.datasets & whole.datasets
    assert held.operates <= theirs.operates & whole.operates and held.of_the_city <= theirs.of_the_city
    seen, mine, full = sights.of(held), sights.of(theirs), sights.of(whole)
    assert seen.channels == mine.channels & full.channels and seen.commanded == mine.commanded & full.commanded
    every = {unit.id for unit in number(place).units}
    for unit in every:
        assert seen.unit(unit) == (mine.unit(unit) and full.unit(unit))
    assert seen is sights.of(held), "a tick of the live feed is made once for each sight"
    assert Right.PEOPLE not in held.rights or Right.PEOPLE in theirs.rights
