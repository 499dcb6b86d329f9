"""What people may see and do at the door: by their roles, from where they are, until when; and what they try beyond it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from cityward.evidence.records import AnyRecord, Read
from cityward.runtime.people import Stance, Wish
from cityward.time import SECOND
from cityward.watch.events import EventKind
from cityward.web.identity import digest
from cityward.web.ports import machine_now_us
from web.house import NOON
from web.staff import SoftKey, Staff, staffed
from web.test_watch import Containments
from web.watching import MemoryBook

WINDOW = f"window?since_ms={NOON // 1000 - 3_600_000}&until_ms={NOON // 1000}"
FORM = {"content-type": "application/x-www-form-urlencoded"}


@dataclass
class Pages:
    """`Ledger` in memory."""

    records: list[AnyRecord] = field(default_factory=list)

    def append(self, records: list[AnyRecord]) -> list[str]:
        self.records += records
        return [f"web:{n}" for n in range(len(records))]

    def tail(self, most: int) -> list[tuple[str, AnyRecord]]:
        return [(f"web:{n}", one) for n, one in enumerate(self.records)][-most:]


@pytest.fixture
def staff(tmp_path: Path) -> Iterator[Staff]:
    with staffed(tmp_path, watch=MemoryBook(), containing=AskedContainments(), ledger=Pages()) as one:
        yield one


class AskedContainments(Containments):
    """Also told what is to wait for a second person."""

    def ask(self, target: str, reason: str, person: str, seconds: int) -> Any:
        row = self.begin(target, reason, person, seconds)
        self.asked[-1] = ("wait", *self.asked[-1])
        return row


def why(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


def turned_away(staff: Staff) -> list[str]:
    return [one.detail["why"] for one in staff.told.events if one.kind is EventKind.TURNED_AWAY]


# -- what is seen ------------------------------------------------------------------------------------------------------


def test_values_are_cut_to_the_datasets_of_the_role_on_the_wire(staff: Staff) -> None:
    staff.somebody("ada", "desk")
    with staff.door.client("ada") as ada:
        assert [one["property"] for one in ada.get("/api/devices/counter-1").json()["latest"]] == ["vehicle-speed"]
        other = ada.get("/api/devices/weather-1").json()
        assert (other["latest"], other["expected"], other["device"]["id"]) == ([], [], "weather-1")
        assert ada.get(f"/api/devices/counter-1/{WINDOW}").json()["series"][0]["points"]
        assert why(ada.get(f"/api/devices/weather-1/{WINDOW}")) == (403, "no-right")
        entities = ada.get("/ngsi-ld/v1/entities?local=true").json()
        assert [one["id"].rpartition(":")[2] for one in entities] == ["counter-1"]


def live_words(client: httpx.Client) -> str:
    """The first whole picture of the live feed, as it comes over the wire."""
    with client.stream("GET", "/api/live") as answer:
        assert answer.status_code == 200
        said = ""
        for line in answer.iter_lines():
            said += line + "\n"
            if line.startswith("event: health") and "event: counts" in said:
                return said
    raise AssertionError("the feed ended")


def test_the_live_feed_is_cut_as_well(staff: Staff) -> None:
    staff.somebody("ada", "desk")
    with staff.door.client("ada") as ada:
        said = live_words(ada)
    assert '"counter-1"' in said and "weather-1" not in said and "air-1" not in said
    assert "c-1" not in said  # a command of a service that is not theirs


def test_an_engineer_of_a_supplier_sees_nothing_that_is_not_theirs_on_the_wire(staff: Staff) -> None:
    staff.somebody("eve", "engineer", party="northlight")
    foreign = ("counter", "weather", "air-1", '"counts', "pm2-5", "vehicle", "hill-")
    with staff.door.client("eve") as eve:
        place = eve.get("/api/place")
        assert {one["id"] for one in place.json()["devices"]} == {"lamp-01", "lamp-02"}
        answers = [place, *(eve.get(f"/api/{p}") for p in ("refusals", "commands", "indicators", "me", "grants"))]
        answers += [eve.get("/ngsi-ld/v1/entities?local=true"), eve.get("/api/devices/lamp-01")]
        for answer in answers:
            assert answer.status_code == 200, answer.text
            assert not any(word in answer.text for word in foreign), (answer.url, answer.text)
        said = live_words(eve)
        assert not any(word in said for word in foreign) and "c-1" in said
        for path in ("reach", "reach/subjects", "chain", "chain.svg", "watch", "people", "reads", "approvals"):
            assert eve.get(f"/api/{path}").status_code == 403, path
        for name in ("counter-1", "weather-1"):
            for path in (f"devices/{name}", f"devices/{name}/window"):
                assert eve.get(f"/api/{path}").status_code == 404, "a thing of others is no thing"
            assert eve.get(f"/api/refusals?device={name}").status_code == 404


def test_every_request_of_what_was_opened_for_a_task_is_on_record(staff: Staff) -> None:
    staff.somebody("eve", "engineer", party="northlight")
    staff.somebody("bo", "second")
    with staff.door.client("eve") as eve, staff.door.client("bo") as bo:
        for _ in range(2):
            eve.get("/api/place")
        eve.get("/api/devices/lamp-01")
        (read,) = [one for one in bo.get("/api/reads?person=eve").json()["reads"] if one["person"] == "eve"]
    assert read["what"] == {"GET /api/place": 2, "GET /api/devices/lamp-01": 1, "device": 1}, (
        "by request, and by what was read"
    )


def test_reads_are_gathered_by_person_and_session_and_say_nothing_of_what_was_read(staff: Staff) -> None:
    staff.somebody("ada", "desk")
    staff.somebody("bo", "second")
    with staff.door.client("ada") as ada, staff.door.client("bo") as bo:
        rows = sum(len(one["points"]) for one in ada.get(f"/api/devices/counter-1/{WINDOW}").json()["series"])
        ada.get("/api/devices/counter-1")
        told = bo.get("/api/reads").json()["reads"]
        assert ada.get("/api/reads").status_code == 403
    (read,) = [one for one in told if one["person"] == "ada"]
    assert read["what"] == {"window": rows, "device": 1}
    kept = [one for one in staff.door.doors.ledger.records if isinstance(one, Read)]  # type: ignore[union-attr]
    assert kept and not any("12.5" in str(one.what) for one in kept)


# -- what ends ----------------------------------------------------------------------------------------------------------


def test_a_grant_ends_at_its_moment_for_the_next_request_and_for_a_feed_that_is_open(tmp_path: Path) -> None:
    skew = [0]
    with staffed(tmp_path) as staff:
        object.__setattr__(staff.door.doors, "machine_us", lambda: machine_now_us() + skew[0])
        staff.somebody("eve", "engineer", party="northlight", seconds=1800)
        with staff.door.client("eve") as eve, eve.stream("GET", "/api/live") as feed:
            lines = feed.iter_lines()
            while not next(lines).startswith("event: counts"):
                pass
            skew[0] = 1800 * SECOND
            assert list(lines) is not None  # it ends by itself
            assert why(eve.get("/api/place")) == (403, "no-right")


def test_what_another_process_takes_away_is_gone_here_within_a_second(staff: Staff, monkeypatch: Any) -> None:
    monkeypatch.setattr("cityward.web.standings.RECHECK_S", 0.0)
    staff.somebody("ada", "desk")
    with staff.door.client("ada") as ada:
        assert ada.get("/api/watch").status_code == 200
        staff.desk.take(staff.desk.grants("ada")[0].id, "machine")
        assert why(ada.get("/api/watch")) == (403, "no-right")
        staff.desk.stand("ada", Stance.LOCKED, "machine")
        assert ada.get("/api/me").status_code == 401


def test_a_link_of_somebody_who_was_locked_meanwhile_opens_nothing(staff: Staff) -> None:
    staff.somebody("ada", "desk")
    token = "link-of-ada-0123456789abcdef"
    staff.door.sessions.add_link(digest(token), "ada", machine_now_us() + 60 * SECOND)
    staff.desk.stand("ada", Stance.LOCKED, "machine")
    with staff.door.stranger() as browser:
        assert browser.post("/sign-in", content=f"token={token}", headers=FORM).status_code == 403


# -- what is tried ------------------------------------------------------------------------------------------------------


def give(client: httpx.Client, person: str, role: str) -> httpx.Response:
    return client.post("/api/grants", json={"person": person, "role": role, "reason": "because"})


def test_nobody_gives_a_role_to_themselves_by_any_way(staff: Staff) -> None:
    staff.somebody("ada", "desk")
    staff.somebody("gus", "giver")
    with staff.door.client("ada") as ada, staff.door.client("gus") as gus:
        assert why(give(ada, "ada", "giver")) == (403, "no-right")
        assert why(give(gus, "gus", "desk")) == (409, "refused")
        assert why(ada.post("/api/me/ask", json={"role": "giver", "reason": "x"})) == (409, "refused")
        assert why(ada.post("/api/me/glass", json={"role": "giver", "reason": "x"})) == (409, "refused")
        assert ada.post("/api/people", json={"id": "x", "name": "X", "party": "council"}).status_code == 403
        assert ada.post("/api/people/gus/link").status_code == 403
        assert why(gus.post("/api/people/gus/lock")) == (409, "refused")
        grant = next(one for one in gus.get("/api/grants").json()["grants"] if one["person"] == "ada")
        for step in ("open", "review"):
            assert ada.post(f"/api/grants/{grant['id']}/{step}").status_code == 403
        assert ada.get("/api/me").json()["rights"] == sorted(["look", "data", "watch", "contain"])


def test_giving_waits_for_a_second_person_where_the_role_says_so(staff: Staff) -> None:
    staff.somebody("reg", "registrar")
    staff.somebody("bo", "second")
    staff.somebody("ada")
    with staff.door.client("reg") as reg, staff.door.client("bo") as bo, staff.door.client("ada") as ada:
        waiting = give(reg, "ada", "desk").json()["second"]
        assert ada.get("/api/watch").status_code == 403
        assert reg.post(f"/api/approvals/{waiting['id']}/approve").status_code == 403
        assert bo.get("/api/me").json()["waiting"] == 1
        assert bo.post(f"/api/approvals/{waiting['id']}/approve").status_code == 200
        assert ada.get("/api/watch").status_code == 200
        assert bo.post(f"/api/approvals/{waiting['id']}/approve").status_code == 409


def test_who_needs_a_second_person_to_give_opens_nothing_alone_either(staff: Staff) -> None:
    staff.somebody("reg", "registrar")
    staff.somebody("bo", "second")
    staff.somebody("eve", party="northlight")
    with staff.door.client("reg") as reg, staff.door.client("bo") as bo, staff.door.client("eve") as eve:
        asked = eve.post("/api/me/ask", json={"role": "engineer", "reason": "lamp 7", "hours": 1}).json()
        assert reg.post(f"/api/grants/{asked['id']}/open").json()["state"] == "asked"
        assert eve.get("/api/place").status_code == 403
        [waiting] = bo.get("/api/approvals").json()["seconds"]
        assert bo.post(f"/api/approvals/{waiting['id']}/approve").status_code == 200
        assert eve.get("/api/place").status_code == 200


def test_who_gives_roles_cannot_sign_in_as_the_second_person_or_as_who_has_a_passkey(staff: Staff) -> None:
    staff.somebody("reg", "registrar")
    staff.somebody("gus", "giver")
    staff.somebody("bo", "second")
    staff.somebody("ada", "desk")
    staff.somebody("new")
    enrolled(staff, "ada")
    with staff.door.client("reg") as reg, staff.door.client("gus") as gus:
        assert reg.post("/api/people/new/link").status_code == 201
        assert why(reg.post("/api/people/bo/link")) == (409, "refused")
        assert why(gus.post("/api/people/ada/link")) == (409, "refused")


def test_containing_waits_for_another_account_where_the_role_says_so(staff: Staff) -> None:
    staff.somebody("ada", "desk")
    with staff.door.client("ada") as ada:
        ada.post("/api/containments", json={"target": "lamp-01", "reason": "it lies", "hours": 1})
        assert why(ada.post("/api/containments/c1/approve")) == (403, "no-right")
    assert staff.door.doors.containing.asked == [("wait", "lamp-01", "it lies", "ada", "3600")]  # type: ignore[union-attr]


def test_an_engineer_asks_is_let_in_for_the_task_and_only_from_the_declared_place(staff: Staff) -> None:
    staff.somebody("eve", party="northlight")
    staff.somebody("gus", "giver")
    with staff.door.client("eve") as eve, staff.door.client("gus") as gus:
        assert [one["role"] for one in eve.get("/api/me").json()["offers"]] == ["engineer"]
        far = eve.post("/api/me/ask", json={"role": "far-engineer", "reason": "lamp 7"})
        assert why(far) == (403, "no-right")
        assert turned_away(staff) == ["elsewhere"]
        asked = eve.post("/api/me/ask", json={"role": "engineer", "reason": "lamp 7", "hours": 1}).json()
        assert eve.get("/api/place").status_code == 403
        assert gus.get("/api/me").json()["waiting"] == 1
        assert gus.post(f"/api/grants/{asked['id']}/open").status_code == 200
        assert eve.get("/api/place").status_code == 200
        staff.desk.take(asked["id"], "gus")
        staff.desk.give(Wish("eve", "far-engineer", "lamp 7"), "gus")
        staff.door.app.state.desk.reception.standings.forget()
        assert why(eve.get("/api/place")) == (403, "no-right")
        assert turned_away(staff)[-1] == "elsewhere"
    assert [one.detail["given"] for one in staff.told.events if one.kind is EventKind.PRIVILEGE][-2:] == ["no", "yes"]


def test_broken_glass_is_told_to_everybody_and_waits_for_a_review(staff: Staff) -> None:
    staff.somebody("ada", "desk")
    staff.somebody("bo", "second")
    with staff.door.client("ada") as ada, staff.door.client("bo") as bo:
        grant = ada.post("/api/me/glass", json={"role": "glass", "reason": "nobody answers"}).json()
        for somebody in (ada, bo):
            (banner,) = somebody.get("/api/me").json()["glass"]
            assert (banner["person"], banner["role"], banner["reason"]) == ("ada", "glass", "nobody answers")
        assert "contain" not in ada.get("/api/me").json()["two_person"]
        assert bo.get("/api/me").json()["waiting"] == 1
        assert ada.post(f"/api/grants/{grant['id']}/review").status_code == 403
        assert bo.post(f"/api/grants/{grant['id']}/review").json()["reviewed_by"] == "bo"
    assert staff.told.events[-1].detail["glass"] == "broken"


@pytest.mark.parametrize("path", ["grants", "me/ask", "me/glass", "people", "me/passkeys/ask", "me/prove/ask"])
def test_another_site_posts_nothing(staff: Staff, path: str) -> None:
    staff.somebody("gus", "giver")
    with staff.door.client("gus") as gus:
        for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "http://evil.example"}):
            assert why(gus.post(f"/api/{path}", json={}, headers=headers)) == (403, "cross-site")


def test_a_session_that_a_browser_brought_along_is_never_made_good(staff: Staff) -> None:
    staff.somebody("ada", "desk")
    token, fixed = "link-of-ada-0123456789abcdef", "a-session-that-an-attacker-chose-0123"
    staff.door.sessions.add_link(digest(token), "ada", machine_now_us() + 60 * SECOND)
    with staff.door.stranger(cookies={"cityward": fixed}) as browser:
        answer = browser.post("/sign-in", content=f"token={token}", headers=FORM)
        assert answer.cookies["cityward"] != fixed
    with staff.door.stranger(cookies={"cityward": fixed}) as attacker:
        assert attacker.get("/api/me").status_code == 401


def test_a_sign_in_from_where_no_role_of_theirs_holds_is_told(staff: Staff) -> None:
    staff.somebody("eve", "far-engineer", party="northlight")
    staff.somebody("ada", "desk")
    for who in ("eve", "ada"):
        token = f"link-of-{who}-0123456789abcdef-0123456789abcdefg"[:43]
        staff.door.sessions.add_link(digest(token), who, machine_now_us() + 60 * SECOND)
        with staff.door.stranger() as browser:
            assert browser.post("/sign-in", content=f"token={token}", headers=FORM).status_code == 303
    came = {one.subject: one.detail for one in staff.told.events if one.kind is EventKind.SIGN_IN}
    assert came == {"person:eve": {"way": "link", "elsewhere": "far-engineer"}, "person:ada": {"way": "link"}}


def test_my_sessions_are_listed_and_ended_and_nobody_elses(staff: Staff) -> None:
    staff.somebody("ada", "desk")
    staff.somebody("bo", "second")
    with staff.door.client("ada") as one, staff.door.client("ada") as other, staff.door.client("bo") as bo:
        mine = one.get("/api/me/sessions").json()["sessions"]
        assert sorted(row["this"] for row in mine) == [False, True]
        theirs = next(row["id"] for row in mine if not row["this"])
        assert bo.post(f"/api/me/sessions/{theirs}/end").status_code == 404
        assert one.post(f"/api/me/sessions/{theirs}/end").status_code == 204
        assert (one.get("/api/me").status_code, other.get("/api/me").status_code) == (200, 401)


# -- passkeys -----------------------------------------------------------------------------------------------------------


def local(staff: Staff) -> str:
    """The door by name: passkeys know no addresses."""
    return staff.door.url.replace("127.0.0.1", "localhost")


def browser_of(staff: Staff, who: str = "") -> httpx.Client:
    cookies = staff.door.session(who) if who else {}
    return httpx.Client(base_url=local(staff), cookies=cookies, timeout=10)


def enrolled(staff: Staff, who: str) -> SoftKey:
    key = SoftKey(local(staff))
    with browser_of(staff, who) as browser:
        asked = browser.post("/api/me/passkeys/ask").json()
        answer = browser.post("/api/me/passkeys", json={"name": "my key", "answer": key.create(asked)})
        assert answer.status_code == 201, answer.text
    return key


def test_a_passkey_signs_in_once_for_each_challenge_and_only_in_the_browser_that_asked(staff: Staff) -> None:
    staff.somebody("ada", "desk")
    key = enrolled(staff, "ada")
    with browser_of(staff) as browser, browser_of(staff) as other:
        proof = key.get(browser.post("/sign-in/passkey/ask").json())
        other.post("/sign-in/passkey/ask")
        assert why(other.post("/sign-in/passkey", json=proof)) == (403, "not-proved")
        assert browser.post("/sign-in/passkey", json=proof).status_code == 200
        assert browser.get("/api/me").json()["id"] == "ada"
        assert why(browser.post("/sign-in/passkey", json=proof)) == (403, "not-proved"), "replayed"
    assert [one.detail for one in staff.told.events if one.kind is EventKind.SIGN_IN] == [{"way": "passkey"}]


def test_a_sign_count_that_does_not_grow_is_refused_and_told(staff: Staff) -> None:
    staff.somebody("ada", "desk")
    key = enrolled(staff, "ada")
    with browser_of(staff) as browser:
        first = browser.post("/sign-in/passkey", json=key.get(browser.post("/sign-in/passkey/ask").json()))
        assert first.status_code == 200
        key.count -= 1  # a copy of the key
        again = browser.post("/sign-in/passkey", json=key.get(browser.post("/sign-in/passkey/ask").json()))
        assert why(again) == (403, "not-proved")
    failed = staff.told.events[-1]
    assert (failed.kind, failed.subject, failed.detail) == (
        EventKind.SIGN_IN_FAILED,
        "person:ada",
        {"why": "sign-count"},
    )


@pytest.mark.parametrize("fault", ["origin", "verification", "challenge", "signature", "rubbish"])
def test_a_proof_with_a_fault_is_refused(staff: Staff, fault: str) -> None:
    staff.somebody("ada", "desk")
    key = enrolled(staff, "ada")
    with browser_of(staff) as browser:
        asked = browser.post("/sign-in/passkey/ask").json()
        key.origin = "https://evil.example" if fault == "origin" else key.origin
        key.verifies = fault != "verification"
        asked |= {"challenge": "A" * 43} if fault == "challenge" else {}
        proof = key.get(asked)
        if fault == "signature":
            proof["response"]["signature"] = SoftKey(key.origin).get(asked)["response"]["signature"]
        if fault == "rubbish":
            proof = {"id": [], "response": {"signature": 7}}
        assert why(browser.post("/sign-in/passkey", json=proof)) == (403, "not-proved")
        assert browser.get("/api/me").status_code == 401


def test_what_is_dangerous_wants_a_proof_of_the_last_five_minutes_from_who_has_a_passkey(staff: Staff) -> None:
    staff.somebody("gus", "giver")
    staff.somebody("ada")
    key = enrolled(staff, "gus")
    with browser_of(staff, "gus") as gus:
        staff.door.sessions.prove(digest(gus.cookies["cityward"]), machine_now_us() - 301 * SECOND)
        assert why(give(gus, "ada", "desk")) == (403, "prove-again")
        proof = key.get(gus.post("/api/me/prove/ask").json())
        assert gus.post("/api/me/prove", json=proof).status_code == 204
        assert give(gus, "ada", "desk").status_code == 201
        assert gus.post("/api/me/prove", json=proof).status_code == 403


def test_nobody_proves_themselves_with_anothers_passkey(staff: Staff) -> None:
    staff.somebody("ada", "desk")
    staff.somebody("gus", "giver")
    key = enrolled(staff, "ada")
    with browser_of(staff, "gus") as gus:
        proof = key.get(gus.post("/api/me/prove/ask").json())
        assert why(gus.post("/api/me/prove", json=proof)) == (403, "not-proved")


def test_a_passkey_needs_a_name_of_the_door(staff: Staff) -> None:
    with staff.door.stranger() as browser:
        assert why(browser.post("/sign-in/passkey/ask")) == (400, "no-name")


def test_how_much_somebody_reaches_is_told(staff: Staff) -> None:
    staff.somebody("eve", "engineer", party="northlight")
    staff.somebody("gus", "giver")
    with staff.door.client("eve") as eve, staff.door.client("gus") as gus:
        mine = eve.get("/api/me").json()
        assert (mine["devices"], mine["actuators"], mine["datasets"]) == (2, 2, 1)
        (told,) = [one for one in gus.get("/api/people").json()["people"] if one["id"] == "eve"]
        assert (told["devices"], told["actuators"], told["datasets"]) == (2, 2, 1)
    assert json.dumps(mine).find("secret") == -1
