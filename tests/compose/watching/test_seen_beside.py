"""Promise against reality beside the door: the real `cityward reconcile` over a city that stopped, and what is made of it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from cityward.compose.asking.seen_beside import asked_seen, made
from cityward.compose.home import Home, write_city_file
from cityward.compose.setting import open_setting
from cityward.errors import LinkError
from cityward.runtime.ports import BatchEffects, FlowCount
from cityward.time import CityClock
from declarations import town
from towns import stopped_city

CLOCK = CityClock(machine_base_us=0, city_base_us=0)


def test_the_child_tells_each_declared_flow_what_was_seen_of_it(tmp_path: Path) -> None:
    home = Home(tmp_path / "state")
    home.prepare()
    (tmp_path / "town").mkdir()
    (tmp_path / "town" / "place.yaml").write_text(town())
    write_city_file(home, stopped_city(tmp_path / "town"))
    setting = open_setting(home)
    setting.state.apply(BatchEffects({0: 10}, counts=[FlowCount("counts-in", 10, 9, 1, 0)]))
    asked = asked_seen(setting)

    async def ask() -> bytes | None:
        try:
            async with asyncio.timeout(60):
                while (told := await asked()) is None:  # each asking waits some seconds for the child
                    pass
            return told
        finally:
            await asked.close()

    told = asyncio.run(ask())
    setting.state.dispose()
    assert told is not None
    document = json.loads(told)
    states = {one["flow"]: (one["state"], one["count"]) for one in document["flows"]}
    assert states["counts-in"] == ("seen", 9)
    assert states["levels-in"] == ("never seen", 0)
    assert document["sources"] == ["the city's own gates"]


def test_what_is_not_declared_is_gathered_by_its_ends_with_the_last_time() -> None:
    def sighting(source: str, count: int, last: int | None, bucket: str = "undeclared") -> dict[str, object]:
        seen = {"source": "192.0.2.9", "destination": "x", "count": count, "last_us": last, "where_from": "conn.log:3"}
        return {"seen": seen, "bucket": bucket, "source": source, "destination": "cityward", "why": ""}

    document = {
        "given": {"city": "", "logs": ["conn.log"], "beyond": 2}, "from_us": None, "until_us": 5_000, "notes": [],
        "flows": [{"path": "flows.a", "outcome": "changed", "why": "", "count": 3, "last_us": 4_000,
                   "differences": [{"aspect": "protocol", "declared": "mqtt", "found": "http"}]}],
        "sightings": [
            sighting("", 2, 3_000), sighting("", 1, 9_000), sighting("lamp", 7, None), sighting("lamp", 9, 1, "changed"),
        ],
    }  # fmt: skip
    told = json.loads(made(CLOCK, json.dumps(document).encode()))
    assert [(one["from"], one["to"], one["count"], one["last_ms"]) for one in told["undeclared"]] == [
        ("lamp", "cityward", 7, None), ("192.0.2.9", "cityward", 3, 9),
    ]  # fmt: skip
    assert told["flows"][0]["state"] == "otherwise"
    assert told["flows"][0]["differences"] == ["protocol: declared mqtt, seen http"]
    assert (told["sources"], told["beyond"], told["until_ms"]) == (["conn.log"], 2, 5)


@pytest.mark.parametrize(
    "said", [b"", b"[]", b"{}", b"[" * 9000, b"\xff"], ids=["nothing", "list", "empty", "deep", "no-text"]
)
def test_anything_else_is_an_error_of_ours(said: bytes) -> None:
    with pytest.raises(LinkError, match="what was seen could not be read"):
        made(CLOCK, said)
