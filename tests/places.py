"""A tiny place for tests that need devices of each format: two streets, six devices, one fault of each kind within reach."""

from __future__ import annotations

from cityward.place.data import Dataset, Flow, Observability
from cityward.place.model import Place
from cityward.place.parties import Jurisdiction, JurisdictionKind, Party, PartyKind
from cityward.place.registry import Registry, number
from cityward.place.services import Purpose
from cityward.place.things import (
    Area,
    CommandLimits,
    Device,
    DeviceModel,
    DeviceStatus,
    PropertyMapping,
    Site,
    System,
)

QUAY = (-1.5, 53.8)


def tiny_place() -> Place:
    """Devices `counter-1`, `counter-2` (SenML, km/h), `lamp-01`, `lamp-02` (SenML, a group), `old-counter` (revoked),
    `weather-1` (plain JSON, degF), `air-1` (NGSI-LD). Every property of theirs is carried by a flow."""
    return Place(
        place="tinytown",
        name="Tinytown",
        position=QUAY,
        responsible="council",
        platform="cityward",
        parties={"council": Party(kind=PartyKind.PUBLIC_BODY, incorporated_in="xa")},
        jurisdictions={"xa": Jurisdiction(code="XA", kind=JurisdictionKind.STATE)},
        purposes={"running-the-city": Purpose()},
        areas={"quay": Area(population=1200), "hill": Area(population=800)},
        sites={"street": Site(jurisdiction="xa", area="quay", tags=("street",))},
        systems={"cityward": System(kind="platform", site="street", operator="council")},
        device_models=_models(),
        devices={
            "counter-1": _device("counter"),
            "counter-2": _device("counter", area="hill"),
            "lamp": _device("lamp", positions=(QUAY, (-1.51, 53.81))),
            "old-counter": _device("counter", status=DeviceStatus.REVOKED),
            "weather-1": _device("weather"),
            "air-1": _device("air"),
        },
        datasets={
            "traffic": _dataset("vehicle-speed", "vehicle-count"),
            "lamps": _dataset("lamp-level", "lamp-power"),
            "weather": _dataset("air-temperature", "relative-humidity", "illuminance"),
            "air": _dataset("pm2-5", "no2", "fill-level"),
        },
        flows={
            "counts": _flow("counter-1", "traffic", "mqtt"),
            "counts-hill": _flow("counter-2", "traffic", "mqtt"),
            "counts-old": _flow("old-counter", "traffic", "mqtt"),
            "lamp-reports": _flow("lamp", "lamps", "mqtt"),
            "weather-reports": _flow("weather-1", "weather", "http"),
            "air-reports": _flow("air-1", "air", "ngsi-ld"),
        },
    )


def tiny_registry() -> Registry:
    """`tiny_place`, numbered."""
    return number(tiny_place())


def _models() -> dict[str, DeviceModel]:
    return {
        "counter": DeviceModel(
            maker="council",
            format="senml",
            properties={
                "vehicle-speed": PropertyMapping(key="speed", unit="km/h"),
                "vehicle-count": PropertyMapping(key="count"),
            },
        ),
        "lamp": DeviceModel(
            maker="council",
            format="senml",
            properties={
                "lamp-level": PropertyMapping(path="holding:100:u16:0.1"),
                "lamp-power": PropertyMapping(path="input:7:f32"),
            },
            commands={"dim": CommandLimits(sets="lamp-level", low=20, high=100, fail_safe=100)},
        ),
        "weather": DeviceModel(
            maker="council",
            format="json",
            time_path="/at",
            properties={
                "air-temperature": PropertyMapping(path="/readings/temperature", unit="degF"),
                "relative-humidity": PropertyMapping(path="/readings/humidity"),
                "illuminance": PropertyMapping(),
            },
        ),
        "air": DeviceModel(
            maker="council",
            format="ngsi-ld",
            ngsi_type="AirQualityObserved",
            properties={
                "pm2-5": PropertyMapping(key="pm25", path="phase:2:colour"),
                "no2": PropertyMapping(key="no2", path="detector:1:volume"),
                "fill-level": PropertyMapping(key="filterLoad", path="detector:1:occupancy"),
            },
        ),
    }


def _device(model: str, **more: object) -> Device:
    return Device(model=model, site="street", owner="council", **{"area": "quay", **more})  # type: ignore[arg-type]


def _dataset(*properties: str) -> Dataset:
    return Dataset(personal=False, sensitivity="public", retention_days=365, properties=properties)


def _flow(device: str, dataset: str, protocol: str) -> Flow:
    return Flow(
        from_=device,
        to="cityward",
        datasets=(dataset,),
        purpose="running-the-city",
        protocol=protocol,  # type: ignore[arg-type]
        observability=Observability.ENFORCED,
    )
