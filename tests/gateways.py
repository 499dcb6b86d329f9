"""A small town whose two lamps hear their commands by a TALQ-style gateway."""

from __future__ import annotations

from declarations import town

CITY = "7d1c3a52-6a3e-4b1e-9a57-0d7d35f0a001"
ADDRESSES = ("2f9c1f60-1c7e-4b0e-8d64-5f3e0a9b0001", "2f9c1f60-1c7e-4b0e-8d64-5f3e0a9b0002")
ACTUATORS = (f"{ADDRESSES[0]}/actuator-1", f"{ADDRESSES[1]}/actuator-2")


def gateway_town(url: str, addresses: str, every_s: int = 60) -> str:
    """The declaration."""
    lamps = f"{{lamps-01: {ACTUATORS[0]}, lamps-02: {ACTUATORS[1]}}}"
    field = (
        f"  field:\n    {{kind: gateway, site: yard, operator: council, addresses: {addresses}, speaks_for: [lamps],\n"
        f'     talq: {{url: "{url}", client: {CITY}, every_s: {every_s}, lamps: {lamps}}}}}\n'
    )
    return town(
        ("device_models:\n", f"{field}device_models:\n"),
        (
            "levels-in: {from: lamps, to: cityward, datasets: [levels], purpose: lighting, protocol: mqtt",
            "levels-in: {from: lamps, to: cityward, datasets: [levels], purpose: lighting, protocol: talq",
        ),
    )
