"""People are counted once."""

from __future__ import annotations

from cityward.reach.blast.citizens import citizens
from declarations import loaded, town

AREAS = "areas:\n  quay: {population: 1200}\n  hill: {population: 800}\n  moor: {}"
PLACE = loaded(
    town(
        ("areas:\n  quay: {population: 1200}", AREAS),
        (
            "functions:\n",
            "functions:\n"
            "  told: {service: lights, needs: [{of: [lamps]}], areas: [quay, hill]}\n"
            "  heard: {service: lights, needs: [{of: [lamps]}], areas: [moor]}\n"
            "  felt: {service: lights, needs: [{of: [lamps]}]}\n",
        ),
    )
).place


def test_an_area_that_two_functions_serve_is_counted_once() -> None:
    found = citizens(PLACE, ["lit", "told"])
    assert found.affected == 2000
    assert found.of == 2000
    assert found.areas == ("quay", "hill")


def test_an_area_without_a_population_is_named_and_adds_nothing() -> None:
    found = citizens(PLACE, ["lit", "heard"])
    assert found.affected == 1200
    assert found.areas == ("quay", "moor")
    assert found.unknown_areas == ("moor",)


def test_a_function_without_areas_is_named() -> None:
    found = citizens(PLACE, ["felt", "lit"])
    assert found.functions_without_areas == ("felt",)
    assert found.affected == 1200


def test_nobody_is_affected_by_nothing() -> None:
    assert citizens(PLACE, []).affected == 0
