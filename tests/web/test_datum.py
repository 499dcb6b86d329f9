"""Following a datum at the door: what is told to whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from cityward.place.data import Flow, Observability
from cityward.place.parties import Jurisdiction, Party, PartyKind
from cityward.place.roles import Right, Role
from cityward.reach.following.shapes import Facts, OnRecord
from places import tiny_place
from web.house import NOON, House, MemoryPeople, house, opened

ASKED = "/api/datum?device=counter-1&property=vehicle-speed"
FACTS = Facts(
    observed_at_us=NOON,
    received_at_us=NOON + 1000,
    value=12.5,
    entry_flow="counts",
    records=(
        OnRecord(entry="worker-0:4", at_us=NOON + 2000, flow="counts", words="admitted"),
        OnRecord(entry="release:9", at_us=NOON + 3000, flow="to-planner", words="given"),
    ),
)


def _flow(to: str, observability: Observability) -> Flow:
    return Flow(
        from_="counter-1" if observability is Observability.NOT_OBSERVABLE else "cityward", to=to, datasets=("traffic",),
        purpose="running-the-city", protocol="http", observability=observability,
    )  # fmt: skip


@pytest.fixture(scope="module")
def town() -> Iterator[tuple[House, list[tuple[str, str, int | None]]]]:
    """A town that gives counts to a planner abroad, while the counters' maker hears them behind its back."""
    place = tiny_place()
    place = replace(
        place,
        jurisdictions={**place.jurisdictions, "xb": Jurisdiction(code="XB")},
        parties={
            **place.parties,
            "planner": Party(kind=PartyKind.COMPANY, incorporated_in="xb", subprocessors="unknown"),
            "maker": Party(kind=PartyKind.COMPANY, incorporated_in="unknown"),
        },
        flows={
            **place.flows,
            "to-planner": _flow("planner", Observability.ENFORCED),
            "behind": _flow("maker", Observability.NOT_OBSERVABLE),
        },
        roles={
            "owner": Role(party="council", rights=(Right.LOOK, Right.AUDIT)),
            "looker": Role(party="council", rights=(Right.LOOK, Right.DATA), datasets=("traffic",)),
            "engineer": Role(party="maker", rights=(Right.LOOK, Right.DATA), datasets=("traffic",)),
            "stranger": Role(party="maker", rights=(Right.LOOK, Right.DATA), datasets=("weather",)),
        },
    )
    people, asked = MemoryPeople(), list[tuple[str, str, int | None]]()
    for role in ("owner", "looker", "engineer", "stranger"):
        people.hold(role, role, party="council" if role in ("owner", "looker") else "maker")

    def facts(device: str, prop: str, at: int | None) -> Facts:
        asked.append((device, prop, at))
        return FACTS

    with opened(house(place, people=people, following=facts)) as one:
        yield one, asked


def answer(built: House, who: str, path: str = ASKED) -> Any:
    with built.client(who) as person:
        told = person.get(path)
    assert told.status_code == 200, told.text
    return told.json()


def test_an_owner_follows_a_datum_to_its_last_recipient(town: tuple[House, list[Any]]) -> None:
    told = answer(town[0], "owner", f"{ASKED}&at=1760000000000")
    hops = {hop["flow"]: hop for hop in told["way"]["hops"]}
    assert {flow: hop["known"] for flow, hop in hops.items()} == {
        "counts": "proven", "to-planner": "proven", "behind": "not observable",
    }  # fmt: skip
    assert hops["to-planner"]["entries"][0]["id"] == "release:9"
    assert hops["to-planner"]["to"]["land"] == "XB"
    assert hops["behind"]["to"]["land"] == "unknown"
    last = {one["stop"]["id"]: one["behind"] for one in told["way"]["last"]}
    assert set(last) == {"planner", "maker"}
    assert last["planner"].endswith("Whom it hands work to is not known.")
    assert {edge["flow"] for edge in told["picture"]["edges"]} == set(hops)
    assert town[1][-1] == ("counter-1", "vehicle-speed", 1760000000000)


def test_who_looks_into_the_record_does_not_read_the_value_by_that(town: tuple[House, list[Any]]) -> None:
    assert answer(town[0], "owner")["way"]["value"] is None
    assert answer(town[0], "looker")["way"]["value"] == 12.5


def test_who_may_not_look_into_the_record_gets_no_entry_of_it(town: tuple[House, list[Any]]) -> None:
    hops = answer(town[0], "looker")["way"]["hops"]
    assert {hop["known"] for hop in hops} == {"withheld", "not observable"}
    assert not any(hop["entries"] or hop["at_ms"] for hop in hops)


def test_a_supplier_s_engineer_sees_the_hops_from_their_devices_and_no_other(town: tuple[House, list[Any]]) -> None:
    told = answer(town[0], "engineer")
    assert {hop["flow"] for hop in told["way"]["hops"]} == {"counts", "behind"}
    assert {node["id"] for node in told["picture"]["nodes"]} == {"counter-1", "cityward", "maker"}
    assert "planner" not in str(told)
    assert all(edge["flow"] != "to-planner" for edge in told["picture"]["edges"])


def test_for_who_does_not_see_the_device_there_is_none(town: tuple[House, list[Any]]) -> None:
    with town[0].client("stranger") as person:
        assert person.get(ASKED).status_code == 404


@pytest.mark.parametrize("query", ["device=nobody&property=vehicle-speed", "device=counter-1&property=pm2-5"])
def test_what_is_not_there_is_404(town: tuple[House, list[Any]], query: str) -> None:
    with town[0].client("owner") as person:
        assert person.get(f"/api/datum?{query}").status_code == 404
