"""What leaves as another tool's model comes back as the same flows, things and datasets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import pytest

from cityward.compose.asking.exchange import export_model
from cityward.compose.asking.imports import File, import_model
from cityward.reach.chains import flow_graph
from exported import doggerford

Records = Mapping[str, Mapping[str, Any]]
Kinds = Mapping[str, Records]


def went() -> Kinds:
    return msgspec.to_builtins(doggerford().place)


def came(format_id: str) -> Kinds:
    return import_model(format_id, [File(format_id, export_model(format_id, doggerford()))]).fragment


def by_name(records: Records, name: str) -> str:
    """What people call it: ids may change on the way."""
    return records[name].get("name") or name


BOTH = pytest.mark.parametrize("format_id", ["threagile", "otm"])


def things(kinds: Kinds) -> dict[str, Any]:
    return {name: record for kind in ("parties", "systems", "devices") for name, record in kinds.get(kind, {}).items()}


@BOTH
def test_every_flow_comes_back_between_the_same_ends_with_the_same_datasets(format_id: str):
    def told(kinds: Kinds, start: str, end: str, datasets: Iterable[str]) -> tuple[str, str, list[str]]:
        every = things(kinds)
        return by_name(every, start), by_name(every, end), sorted(by_name(kinds["datasets"], name) for name in datasets)

    place, back = went(), came(format_id)
    edges = flow_graph(doggerford().place).edges
    assert sorted(told(back, flow["from"], flow["to"], flow["datasets"]) for flow in back["flows"].values()) == sorted(
        told(place, edge.source, edge.target, edge.datasets) for edge in edges
    )


@BOTH
def test_every_dataset_comes_back_as_sensitive_as_it_went(format_id: str):
    def told(kinds: Kinds) -> dict[str, str]:
        return {by_name(kinds["datasets"], name): dataset["sensitivity"] for name, dataset in kinds["datasets"].items()}

    assert told(came(format_id)) == told(went())


@BOTH
def test_devices_come_back_as_devices_and_zones_as_zones(format_id: str):
    for kind in ("devices", "zones"):
        place, back = went()[kind], came(format_id)[kind]
        assert {by_name(place, name) for name in place} <= {by_name(back, name) for name in back}


def test_the_services_of_an_inventory_come_back_as_systems_with_their_operators():
    place, back = went(), came("cyclonedx")
    operators = {
        system["name"]: by_name(back["parties"], system["operator"])
        for system in back["systems"].values()
        if system["operator"] != "unknown"
    }
    for name, system in place["systems"].items():
        assert operators[by_name(place["systems"], name)] == by_name(place["parties"], system["operator"])
