"""Which dataset a row belongs to."""

from __future__ import annotations

from msgspec.structs import replace

from cityward.place.holdings import Strand, holdings
from cityward.place.registry import number
from releases import town

PLACE = town()
REGISTRY = number(PLACE)
HELD = holdings(PLACE, REGISTRY)


def whose(dataset: str, prop: str) -> set[str]:
    """The devices whose rows of a property belong to a dataset."""
    of = HELD.of[dataset]
    found = [c for c, name in enumerate(REGISTRY.channel_property) if name == prop and of[c]]
    return {REGISTRY.units[REGISTRY.channel_unit[c]].id for c in found}


def test_a_row_belongs_to_the_datasets_that_hold_its_property_and_that_a_flow_of_its_device_carries():
    assert whose("weather", "illuminance") == {f"meter-0{n}" for n in range(1, 7)}
    assert whose("warmth", "air-temperature") == {"lone", "meter-04", "meter-05"}
    assert whose("warmth", "illuminance") == set()


def test_every_dataset_is_made_of_whole_strands():
    for dataset, of in HELD.of.items():
        inside = {int(s) for s in HELD.strand[of]}
        assert inside == {n for n, strand in enumerate(HELD.strands) if dataset in strand.datasets}
        assert not inside & {int(s) for s in HELD.strand[~of]}


def test_what_is_made_here_has_the_rows_of_what_it_is_made_of_and_is_whole_strands_too():
    made = replace(
        PLACE.datasets["weather"], properties=("air-temperature",), made_of=("warmth",), release_form="cells"
    )
    place = replace(PLACE, datasets={**PLACE.datasets, "hours": made})
    held = holdings(place, REGISTRY)
    assert held.of["hours"].tolist() == held.of["warmth"].tolist() == HELD.of["warmth"].tolist()
    assert Strand("air-temperature", "hill", ("hours", "warmth", "weather")) in held.strands
    for dataset, of in held.of.items():
        assert not {int(s) for s in held.strand[of]} & {int(s) for s in held.strand[~of]}, dataset


def test_a_strand_keeps_its_name_whatever_its_number():
    again = holdings(PLACE, REGISTRY)
    names = dict(zip(HELD.strands, HELD.name.tolist(), strict=True))
    assert names == dict(zip(again.strands, again.name.tolist(), strict=True))
    assert len(set(HELD.name.tolist())) == len(HELD.strands)
    assert Strand("air-temperature", "hill", ("warmth", "weather")) in HELD.strands
