"""Who received what, at the console's door: real receipts in the real book, told to those who may look."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cityward.compose.home import Home, write_city_file
from cityward.compose.keeping.erasure import book_of
from cityward.compose.outgoing.received import ReceivedDesk
from cityward.compose.places import demo_place, load_place
from cityward.compose.setting import Setting, open_setting
from cityward.runtime.releasing.ports import DELIVERED, Due, Receipt, RefusedRow
from cityward.runtime.undoing.erasure_ports import ErasureRow
from cityward.time import DAY, HOUR
from cityward.web.api.naming import names_in
from compose.acting.test_postures import let_out, write_releasing_town
from towns import stopped_city
from web.house import House, MemoryPeople, opened
from web.house import house as a_house

NOON = 20_000 * DAY + 12 * HOUR  # 2024-10-04T12:00Z


def write_names(file: Path) -> None:
    """Names for some of what the releasing town declares."""
    text = file.read_text()
    for id_, name in (("acme-desk", "Planners of Acme"), ("acme", "Acme"), ("council", "The council")):
        assert f"\n  {id_}: {{" in text
        text = text.replace(f"\n  {id_}: {{", f"\n  {id_}: {{name: {name}, ", 1)
    assert "\n  counts:\n" in text
    file.write_text(text.replace("\n  counts:\n", "\n  counts:\n    name: People who pass\n", 1))


def receipt(n: int, rows: int, at: int = NOON) -> Receipt:
    return Receipt(
        record=f"web:{n}", recipient="acme-desk", party="acme", flow="to-acme", agreement="acme-2026", dataset="counts",
        purpose="planning", way="query", at=at, since=at - HOUR, until=at, rows=rows, units=1, devices=("counter-1",),
        form={"delay": "nothing younger than 900 s"}, rules="0" * 64, digest="1" * 64, state=DELIVERED,
    )  # fmt: skip


def fill(setting: Setting) -> None:
    """60 answers of 10 rows each on a day, one of 7 a month later; one that waits; two refusals."""
    book = setting.state.releases
    for n in range(60):
        book.take("acme-desk", Due("counts/planning", None, ((receipt(n, 10), None),)))
    book.take("acme-desk", Due("counts/planning", None, ((receipt(60, 7, NOON + 31 * DAY), None),)))
    book.refuse([RefusedRow(NOON, "acme-desk", "counts", "marketing", "192.0.2.9", ("undeclared",), 2, "web:99")])


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[ReceivedDesk]:
    home = Home(tmp_path / "state")
    home.prepare()
    write_city_file(home, stopped_city(write_releasing_town(tmp_path / "town")))
    setting = open_setting(home)
    let_out(setting)
    fill(setting)
    yield ReceivedDesk(setting)
    setting.state.dispose()


@pytest.fixture
def house(desk: ReceivedDesk) -> Iterator[House]:
    people = MemoryPeople()
    people.hold("owner", "keeper")
    people.hold("ada", "officer")
    with opened(a_house(desk.setting.loaded.place, people=people, received=desk)) as built:
        yield built


def test_a_recipient_is_told_with_its_balance_its_law_and_what_it_may_have(house: House):
    with house.client("owner") as owner:
        [one] = owner.get("/api/received/recipients").json()["recipients"]
    assert (one["recipient"], one["party"], one["state"], one["law"]) == ("acme-desk", "acme", "active", ["xb"])
    assert (one["triggered"], one["sent"], one["queued"], one["shed"]) == (607, 607, 0, 0)
    assert one["lanes"] == [{"dataset": "counts", "purpose": "planning", "answer": "yes"}]
    assert one["refused"] == 2


def test_ids_come_with_the_names_that_people_know_and_no_other_name_does(tmp_path: Path):
    file = write_releasing_town(tmp_path / "town") / "place.yaml"
    write_names(file)
    told = load_place(file.parent).place
    answer = {
        "recipients": [{"recipient": "acme-desk", "party": "acme", "to": "council", "lanes": [{"dataset": "counts"}]}]
    }
    assert names_in(told, answer) == {
        "recipient": {"acme-desk": "Planners of Acme"},
        "party": {"acme": "Acme"},
        "dataset": {"counts": "People who pass"},
    }
    assert names_in(load_place(demo_place()).place, {"certain": ["NO", "no"], "possible": ["ZZ"]}) == {
        "jurisdiction": {"NO": "Norway", "no": "Norway"}
    }
    assert names_in(told, {"party": "counts", "dataset": ["acme", 7, None], "law": {"acme": 1}}) == {}


def test_every_answer_about_what_left_bears_names(house: House):
    with house.client("owner") as owner:
        for path in ("recipients", "statement?dataset=counts", "receipts", "refusals", "register?kind=transfers",
                     "register?kind=processing", "erasures", "retention"):  # fmt: skip
            assert isinstance(owner.get(f"/api/received/{path}").json()["names"], dict), path


def test_a_dataset_is_told_with_who_what_when_why_in_what_form_and_under_which_law(house: House):
    with house.client("owner") as owner:
        [line] = owner.get("/api/received/statement?dataset=counts").json()["lines"]
        [day] = owner.get("/api/received/statement?dataset=counts&month=2024-10").json()["lines"]
        assert owner.get("/api/received/statement?dataset=counts&month=2024-12").json()["lines"] == []
    told = {name: line[name] for name in ("recipient", "rows", "receipts", "purpose", "agreement", "form", "law")}
    assert told == {
        "recipient": "acme-desk", "rows": 607, "receipts": 61, "purpose": "planning", "agreement": "acme-2026",
        "form": {"delay": "nothing younger than 900 s"}, "law": ["xb"],
    }  # fmt: skip
    assert (line["first_day"], line["last_day"], day["rows"]) == ("2024-10-04", "2024-11-04", 600)


def test_receipts_come_newest_first_and_page_by_page_to_the_last(house: House):
    with house.client("owner") as owner:
        first = owner.get("/api/received/receipts?dataset=counts").json()
        second = owner.get(f"/api/received/receipts?dataset=counts&after={first['next']}").json()
    named = [one["receipt"] for one in first["receipts"] + second["receipts"]]
    assert named == [f"web:{n}" for n in range(60, -1, -1)]
    assert second["next"] == ""


def test_attempts_that_got_nothing_are_told_with_their_reasons(house: House):
    with house.client("owner") as owner:
        [one] = owner.get("/api/received/refusals?recipient=acme-desk").json()["refusals"]
    assert (one["purpose"], one["source"], one["reasons"], one["count"]) == (
        "marketing",
        "192.0.2.9",
        "undeclared",
        "2",
    )


def test_attempts_of_everybody_are_told_together_and_people_count_for_no_recipient(house: House, desk: ReceivedDesk):
    desk.setting.state.releases.refuse([
        RefusedRow(NOON, "person:eve", "", "", "192.0.2.9", ("elsewhere",), 1, "web:100"),
        RefusedRow(NOON, "", "", "", "192.0.2.9", ("unknown-key",), 1, "web:101"),
    ])  # fmt: skip
    with house.client("owner") as owner:
        told = owner.get("/api/received/refusals").json()["refusals"]
    assert [(one["recipient"], one["reasons"]) for one in told] == [
        ("", "unknown-key"), ("person:eve", "elsewhere"), ("acme-desk", "undeclared"),
    ]  # fmt: skip
    assert [count.recipient for count in desk.setting.state.releases.counts()] == ["acme-desk"]


@pytest.mark.parametrize(
    "path", ["recipients", "statement?dataset=counts", "receipts", "refusals?recipient=acme-desk", "refusals"]
)
def test_nobody_sees_it_without_the_right(house: House, path: str):
    with house.client("ada") as ada, house.stranger() as nobody:
        assert ada.get(f"/api/received/{path}").status_code == 403
        assert nobody.get(f"/api/received/{path}").status_code == 401


@pytest.mark.parametrize(
    ("path", "status"),
    [("statement", 400), ("statement?dataset=counts&month=2024-13", 404), ("statement?dataset=counts&month=now", 400),
     ("statement?dataset=nothing", 404), ("receipts?recipient=nobody", 404), ("refusals?recipient=nobody", 404)],
)  # fmt: skip
def test_what_names_nothing_is_refused(house: House, path: str, status: int):
    with house.client("owner") as owner:
        assert owner.get(f"/api/received/{path}").status_code == status


def test_the_registers_are_told_with_what_was_observed(house: House):
    with house.client("owner") as owner:
        processing = owner.get("/api/received/register?kind=processing").json()
        transfers = owner.get("/api/received/register?kind=transfers").json()
        assert owner.get("/api/received/register?kind=everything").status_code == 400
    assert (processing["kind"], processing["rows_in_all"]) == ("processing", len(processing["rows"]))
    assert transfers["rows_in_all"] == len(transfers["rows"])
    assert {row["observed"] for row in transfers["rows"]} <= {"never observed"}  # the book here holds no evidence
    assert transfers["findings"] == []


def test_an_erasure_is_told_with_its_state_and_whom_to_tell(house: House, desk: ReceivedDesk):
    asked = ErasureRow(
        number=0, dataset="", device="counter-1", why="request", since=0, until=NOON, made_at=NOON, person="ada",
        reason="<b>request</b> 17", rows=40, digest="2" * 64, copies={"quarantine": 3}, tell=("acme (acme-desk)",), record="",
    )  # fmt: skip
    book = book_of(desk.setting)
    row = book.begin(asked)
    with house.client("owner") as owner:
        [begun] = owner.get("/api/received/erasures").json()["erasures"]
        book.end(row.number, "erasure:0")
        [done] = owner.get("/api/received/erasures").json()["erasures"]
    book.dispose()
    assert (begun["state"], done["state"], done["record"]) == ("under way", "done", "erasure:0")
    assert (done["device"], done["rows"], done["tell"]) == ("counter-1", 40, ["acme (acme-desk)"])
    assert (done["since"], done["until"], done["copies"]) == ("", "2024-10-04T12:00:00Z", {"quarantine": 3})


def test_what_is_kept_is_told_by_dataset_with_its_oldest_record(house: House):
    with house.client("owner") as owner:
        told = {one["dataset"]: one for one in owner.get("/api/received/retention").json()["datasets"]}
    assert told["counts"]["oldest"] == {}  # nothing came in
    assert told["(receipts)"]["oldest"]["receipts"] == "2024-10-04T12:00:00Z"


def test_the_books_are_for_those_who_may_look_into_what_left(house: House):
    with house.client("ada") as officer, house.client("") as nobody:
        for path in ("register?kind=processing", "erasures", "retention"):
            assert officer.get(f"/api/received/{path}").status_code == 403
            assert nobody.get(f"/api/received/{path}").status_code == 401
