"""A small declared place for samples of what detectors see: two makers, two owners, two zones, kinds that stand together.

Ids that samples name:

    ring-loops-01..04   vehicle-speed                   maker tessel, owner council, zone street; 300 m apart
    bank-loops-01..04   vehicle-speed                   maker isobar, owner harbour, zone quay; between the ring loops
    air-north, air-south  six pollutants, five weather values; makers isobar, tessel; 2 km apart
    weather-mast        air-temperature, relative-humidity, wind-speed; beside air-north
    lamps-01..03        lamp-level (set by command), lamp-power
    twilight            illuminance; beside lamps-01
    counters-01..02     pedestrian-count
    car-parks-01..04    parking-occupied
    tide                water-level
    bins-01..02         fill-level, battery-level
    works-01..08        water-level: a waterworks' eight readings, a site of its own, 13 km away
    hill-mast           as weather-mast, 44 km away
    junction            signal-stage (set by command, fail-safe -1), signal-own-plan (whether it goes by itself)

Values in samples are in the catalogue's units (speeds in m/s).
"""

from __future__ import annotations

from functools import cache

from cityward.place.registry import number
from cityward.watch.world import World, world_of
from declarations import loaded

SAMPLE_TOWN = """\
place: sample-town
name: Sample Town
position: [2.3, 54.9]
timezone: UTC
responsible: council
platform: cityward
jurisdictions:
  xa: {code: XA, home: true}
  xb: {code: XB}
parties:
  council: {kind: public-body, incorporated_in: xa, addresses: [198.51.100.0/29]}
  harbour: {kind: public-body, incorporated_in: xa}
  tessel: {kind: company, incorporated_in: xb}
  isobar: {kind: company, incorporated_in: xa}
purposes:
  planning: {}
sites:
  ring: {jurisdiction: xa}
  quay: {jurisdiction: xa}
  hall: {jurisdiction: xa}
  waterworks: {jurisdiction: xa}
zones:
  street: {trust: 1}
  harbour-net: {trust: 1}
  core: {trust: 4}
conduits:
  street-core: {zones: [street, core]}
  harbour-core: {zones: [harbour-net, core]}
systems:
  cityward: {kind: platform, site: hall, zone: core, operator: council}
device_models:
  ring-loop: {maker: tessel, properties: {vehicle-speed: {low: 0, high: 40}}}
  bank-loop: {maker: isobar, properties: {vehicle-speed: {low: 0, high: 40}}}
  air-monitor:
    maker: isobar
    properties: $air
  air-box: {maker: tessel, properties: $air}
  mast: {maker: tessel, properties: {air-temperature: {}, relative-humidity: {}, wind-speed: {}}}
  lamp:
    maker: tessel
    properties: {lamp-level: {}, lamp-power: {low: 0, high: 250}}
    commands:
      dim: {sets: lamp-level, low: 10, high: 100, fail_safe: 100}
  junction:
    maker: tessel
    properties: {signal-stage: {high: 7}, signal-own-plan: {}}
    commands:
      signal-stage: {sets: signal-stage, low: -1, high: 7, fail_safe: -1, by_itself: signal-own-plan}
  light-sensor: {maker: isobar, properties: {illuminance: {}}}
  people-counter: {maker: isobar, properties: {pedestrian-count: {low: 0, high: 10000}}}
  parking-counter: {maker: tessel, properties: {parking-occupied: {low: 0, high: 5000}}}
  gauge: {maker: isobar, properties: {water-level: {}}}
  bin: {maker: tessel, properties: {fill-level: {}, battery-level: {}}}
devices:
  ring-loops:
    {model: ring-loop, site: ring, zone: street, owner: council,
     positions: [[2.3, 54.9], [2.304, 54.9], [2.308, 54.9], [2.312, 54.9]]}
  bank-loops:
    {model: bank-loop, site: quay, zone: harbour-net, owner: harbour,
     positions: [[2.302, 54.901], [2.306, 54.901], [2.31, 54.901], [2.314, 54.901]]}
  air-north: {model: air-monitor, site: ring, zone: street, owner: council, position: [2.31, 54.92]}
  air-south: {model: air-box, site: quay, zone: harbour-net, owner: harbour, position: [2.31, 54.902]}
  weather-mast: {model: mast, site: ring, zone: street, owner: council, position: [2.3101, 54.92]}
  lamps: {model: lamp, site: ring, zone: street, owner: council, positions: [[2.3, 54.91], [2.3005, 54.91], [2.301, 54.91]]}
  twilight: {model: light-sensor, site: ring, zone: street, owner: council, position: [2.3, 54.9101]}
  counters: {model: people-counter, site: quay, zone: harbour-net, owner: harbour, positions: [[2.315, 54.905], [2.316, 54.905]]}
  car-parks:
    {model: parking-counter, site: hall, zone: street, owner: council,
     positions: [[2.29, 54.9], [2.291, 54.9], [2.292, 54.9], [2.293, 54.9]]}
  tide: {model: gauge, site: quay, zone: harbour-net, owner: harbour, position: [2.32, 54.9]}
  bins: {model: bin, site: ring, zone: street, owner: council,
     positions: [[2.295, 54.905], [2.296, 54.905]]}
  works:
    {model: gauge, site: waterworks, zone: street, owner: council,
     positions:
       [[2.5, 54.9], [2.501, 54.9], [2.502, 54.9], [2.503, 54.9], [2.504, 54.9], [2.505, 54.9], [2.506, 54.9], [2.507, 54.9]]}
  hill-mast: {model: mast, site: waterworks, zone: street, owner: council, position: [3.0, 54.9]}
  junction: {model: junction, site: ring, zone: street, owner: council, position: [2.34, 54.93]}
datasets:
  readings:
    personal: false
    sensitivity: public
    retention_days: 365
    properties:
      [vehicle-speed, pm2-5, pm10, so2, no2, co, o3, air-temperature, dew-point, air-pressure, rain, wind-speed,
       relative-humidity, lamp-level, lamp-power, illuminance, pedestrian-count, parking-occupied, water-level,
       fill-level, battery-level, signal-stage, signal-own-plan]
flows:
"""

AIR_KINDS = (
    "pm2-5",
    "pm10",
    "so2",
    "no2",
    "co",
    "o3",
    "air-temperature",
    "dew-point",
    "air-pressure",
    "rain",
    "wind-speed",
)

SOURCES = (
    "ring-loops", "bank-loops", "air-north", "air-south", "weather-mast", "lamps", "twilight",
    "counters", "car-parks", "tide", "bins", "works", "hill-mast", "junction",
)  # fmt: skip


def _flow(source: str) -> str:
    return (
        f"  {source}-in: {{from: {source}, to: cityward, datasets: [readings], purpose: planning, protocol: mqtt, "
        "observability: enforced}\n"
    )


@cache
def sample_world() -> World:
    """The sample place as detectors are told of it."""
    text = SAMPLE_TOWN.replace("$air", "{" + ", ".join(f"{kind}: {{}}" for kind in AIR_KINDS) + "}") + "".join(
        _flow(source) for source in SOURCES
    )
    place = loaded(text).place
    return world_of(place, number(place))
