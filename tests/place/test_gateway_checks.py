"""What is said of gateways of lamps that cannot hand on what they are declared for."""

from __future__ import annotations

import pytest

from cityward.compose.acting.gateways import lamps_behind_gateways
from cityward.place.exits import exits_of
from declarations import errors_of, loaded
from gateways import ACTUATORS, gateway_town


def test_a_gateway_that_is_declared_well_is_an_exit_of_the_platform() -> None:
    place = loaded(gateway_town("https://lamps.example/talq/", "[lamps.example]")).place
    one = exits_of(place)["talq:field"]
    assert (one.host, one.port, one.sealed, one.flows) == ("lamps.example", 443, "tls", ("levels-in", "dim"))
    assert lamps_behind_gateways(place) == ("lamps-01", "lamps-02")


GOOD = gateway_town("https://lamps.example/talq", "[lamps.example]")
WRONG = {
    "another's address": (("//lamps.example/", "//other.example/"), "none of the declared addresses"),
    "in the open": (("https://lamps", "http://lamps"), "protects nothing"),
    "no address": (("https://lamps.example/talq", "lamps.example/talq"), "cannot be read"),
    "no way to a gateway": (("https://lamps.example/talq", "smtps://lamps.example"), "is no way to a gateway"),
    "more than a path": (("/talq", "/talq?key=1"), "begin at a path"),
    "no UUID": (("client: 7d1c3a52-", "client: seven-"), "client"),
    "an actuator that is a path": (("/actuator-2", "/../x"), "lamps-02"),
    "a lamp of nobody's": (("lamps-02: ", "counter-1: "), "no device of those that it `speaks_for`"),
    "a lamp left out": ((f", lamps-02: {ACTUATORS[1]}", ""), "1 that it is not told how to reach, `lamps-02`"),
    "an actuator twice": ((ACTUATORS[1], ACTUATORS[0]), "is the same lamp actuator"),
    "another format": (("properties: {lamp-level: {}}", "format: json\n    properties: {lamp-level: {path: /l}}"), "senml"),
    "levels nobody observes": (("properties: {lamp-level: {}}", "properties: {lamp-power: {}}"), "does not observe"),
    "readings by another way": (("protocol: talq", "protocol: mqtt"), "is behind a gateway"),
    "a flow of nobody's": (("from: counter-1, to: cityward, datasets: [counts], purpose: planning, protocol: mqtt",
                            "from: counter-1, to: cityward, datasets: [counts], purpose: planning, protocol: talq"),
                           "no gateway is told how to reach `counter-1`"),
    "two gateways": (("device_models:\n", "  other:\n    {kind: gateway, site: yard, operator: council, speaks_for: [lamps],"
                      " addresses: [lamps.example],\n     talq: {url: 'https://lamps.example/b', client: "
                      f"{ACTUATORS[0][:36]}, lamps: {{lamps-01: {ACTUATORS[0]}, lamps-02: {ACTUATORS[1]}}}}}}}\n"
                      "device_models:\n"), "`field` has this lamp"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", WRONG)
def test_a_gateway_that_cannot_hand_on_is_an_error(mistake: str) -> None:
    (old, new), said = WRONG[mistake]
    assert GOOD.count(old) == 1
    told = errors_of(GOOD.replace(old, new))
    assert any(said in error for error in told), told
