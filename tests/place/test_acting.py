"""What services may do, as declared: what cannot be kept is told with its place."""

from __future__ import annotations

import pytest

from cityward.errors import PlaceErrors
from declarations import loaded, town

SERVICE = "actuators: [lamps], settings"


def wrong(fields: str) -> list[str]:
    with pytest.raises(PlaceErrors) as found:
        loaded(town((SERVICE, f"actuators: [lamps], {fields}, settings")))
    return [error.what for error in found.value.errors]


def test_limits_that_can_be_kept_pass():
    interlock = "interlocks: [{unless: {device: counter-1, property: vehicle-count, above: 9}, commands: [dim]}]"
    plans = "plans: {round: {at: [lamps, yard], fixed: [lamps-01]}}"
    loaded(town((SERVICE, f"actuators: [lamps], {interlock}, fan_out: {{share: 0.5}}, {plans}, settings")))


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ("interlocks: [{unless: {device: lamp-9, property: vehicle-count, above: 9}}]", "`lamp-9`"),
        (
            "interlocks: [{unless: {device: counter-1, property: lamp-level, above: 9}}]",
            "does not observe `lamp-level`",
        ),
        ("interlocks: [{unless: {device: counter-1, property: nothing, above: 9}}]", "`nothing`"),
        ("interlocks: [{unless: {device: counter-1, property: vehicle-count}}]", "neither `above` nor `below`"),
        (
            "interlocks: [{unless: {device: counter-1, property: vehicle-count, above: 9}, commands: [dmi]}]",
            "`dmi` is no command",
        ),
        ("fan_out: {minutes: 5}", "neither `most` nor `share`"),
        ("plans: {round: {at: [nowhere]}}", "`nowhere`"),
        ("plans: {round: {at: [counter-1], fixed: [lamps]}}", "`lamps` is not among `at`"),
        ("plans: {round: {stops_most: 0}}", "0"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_says_what_is_wrong(fields: str, what: str):
    assert any(what in error for error in wrong(fields)), wrong(fields)
