"""A small whole declaration as text, for tests that break it in one way and read what is said about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cityward.errors import PlaceErrors
from cityward.place.loader import Loaded, load

TOWN = """\
place: tinytown
name: Tinytown
position: [2.3, 54.9]
timezone: Europe/London
responsible: council
platform: cityward
jurisdictions:
  xa: {code: XA, home: true}
  xb: {code: XB}
parties:
  council: {kind: public-body, incorporated_in: xa}
  acme: {kind: company, incorporated_in: xb, owners: [{party: acme-group, share: 60}]}
  acme-group: {kind: group, incorporated_in: xb}
agreements:
  acme-2026:
    {kind: supply, parties: [council, acme], datasets: [counts], purposes: [planning], sites: [yard], subcontracting: allowed}
purposes:
  planning: {}
  lighting: {}
areas:
  quay: {population: 1200}
sites:
  yard: {jurisdiction: xa}
  cloud: {jurisdiction: xb}
zones:
  street: {trust: 1}
  core: {trust: 4}
conduits:
  street-core: {zones: [street, core]}
systems:
  cityward: {kind: platform, site: yard, zone: core, operator: council}
  workbench: {kind: analytics, site: yard, operator: acme}
device_models:
  counter:
    maker: acme
    properties:
      vehicle-speed: {key: speed, unit: km/h, low: 0, high: 40}
      vehicle-count: {key: count}
  lamp:
    maker: acme
    properties: {lamp-level: {}}
    commands:
      dim: {sets: lamp-level, low: 10, high: 100, fail_safe: 100}
devices:
  counter-1: {model: counter, site: yard, zone: street, area: quay, owner: council, position: [2.3, 54.9]}
  lamps: {model: lamp, site: yard, zone: street, owner: council, positions: [[2.3, 54.9], [2.31, 54.9]]}
datasets:
  counts:
    personal: false
    sensitivity: public
    retention_days: 365
    properties: [vehicle-speed, vehicle-count]
  levels: {personal: false, sensitivity: internal, retention_days: 90, properties: [lamp-level]}
flows:
  counts-in: {from: counter-1, to: cityward, datasets: [counts], purpose: planning, protocol: mqtt, observability: enforced}
  levels-in: {from: lamps, to: cityward, datasets: [levels], purpose: lighting, protocol: mqtt, observability: enforced}
  dim: {from: cityward, to: lamps, datasets: [levels], purpose: lighting, protocol: command, observability: enforced}
  to-acme:
    from: cityward
    to: acme
    datasets: [counts]
    purpose: planning
    protocol: http
    agreement: acme-2026
    observability: enforced
services:
  lights: {kind: lighting, operator: council, actuators: [lamps], settings: {streets: {quay: {lamps: [lamps]}}}}
functions:
  lit: {service: lights, needs: [{of: [lamps-01, lamps-02], k: 1}], areas: [quay]}
"""
"""Holds together, without a warning."""

ZONES = frozenset({"UTC", "Europe/London", "Europe/Oslo"})


def reader(files: Mapping[str, str | bytes]) -> Callable[[str], bytes]:
    """Reads from a mapping as from a folder."""

    def read(name: str) -> bytes:
        if name not in files:
            raise FileNotFoundError(2, "No such file or directory", name)
        text = files[name]
        return text if isinstance(text, bytes) else text.encode()

    return read


def loaded(text: str | bytes = TOWN, **more: str | bytes) -> Loaded:
    """What a declaration loads to. `more` are further files, `parties` standing for `parties.yaml`."""
    files = {"place.yaml": text} | {f"{name}.yaml": body for name, body in more.items()}
    return load("place.yaml", reader(files), ZONES)


def errors_of(text: str | bytes, **more: str | bytes) -> list[str]:
    """What is said about a wrong declaration; empty where nothing is."""
    try:
        loaded(text, **more)
    except PlaceErrors as error:
        return [str(one) for one in error.errors]
    return []


def town(*edits: tuple[str, str]) -> str:
    """The small declaration with edits, each of which must hit exactly once."""
    text = TOWN
    for old, new in edits:
        assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
        text = text.replace(old, new)
    return text
