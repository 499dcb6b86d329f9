"""A little town that releases: two areas, meters of temperature and light, one dataset of both and one of temperature alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from cityward.guard.layout import Layout, layout_of
from cityward.guard.release import Asked, Atoms, Passed, RecipientKeys, Refused, Rows, release
from cityward.place.data import Dataset, Flow, Observability
from cityward.place.model import Place
from cityward.place.registry import number
from cityward.place.release import Form, Recipient
from cityward.place.things import Device, DeviceModel, PropertyMapping
from cityward.policy.contract import Decision, Grounds, ReleaseReason
from cityward.time import DAY, HOUR, SECOND

NIGHT = 20_000 * DAY  # a midnight, us
LATER = NIGHT + 400 * DAY
KEYS = RecipientKeys(names=bytes(range(32)), mark=bytes(range(32, 64)))
AREAS = ("quay", "quay", "quay", "hill", "hill", "hill")
SPOTS = ((2.3001, 54.9), (2.3002, 54.9), (2.3301, 54.9), (2.4, 54.95), (2.41, 54.96), (2.42, 54.97))


def dataset(*properties: str) -> Dataset:
    return Dataset(personal=False, sensitivity="public", retention_days=30, properties=properties)


def flow(from_: str, to: str, *datasets: str, **more: Any) -> Flow:
    seen = Observability.ENFORCED
    return Flow(from_=from_, to=to, datasets=datasets, purpose="planning", protocol="mqtt", observability=seen, **more)


def town(*forms: Form) -> Place:
    """Meters `meter-01` to `-06` (three to an area) carry `weather`; one more, `lone`, on the quay, carries `warmth` only, and
    the first two of the hill both. Each form is that of one recipient.
    """
    model = DeviceModel(
        maker="maker", properties={"air-temperature": PropertyMapping(), "illuminance": PropertyMapping()}
    )
    return Place(
        place="town",
        name="Town",
        position=(2.3, 54.9),
        responsible="council",
        platform="cityward",
        device_models={"meter": model},
        devices={
            "meter": Device(model="meter", site="hall", owner="council", positions=SPOTS, areas=AREAS),
            "lone": Device(model="meter", site="hall", owner="council", area="quay", position=(2.31, 54.9)),
        },
        datasets={"weather": dataset("air-temperature", "illuminance"), "warmth": dataset("air-temperature")},
        flows={
            "in": flow("meter", "cityward", "weather"),
            "lone-in": flow("lone", "cityward", "warmth"),
            "fourth-in": flow("meter-04", "cityward", "warmth"),
            "fifth-in": flow("meter-05", "cityward", "warmth"),
            "out": flow("cityward", "acme", "weather", "warmth"),
        },
        forms={f"form-{n}": form for n, form in enumerate(forms)},
        recipients={f"to-{n}": recipient(f"form-{n}") for n, _ in enumerate(forms)},
    )


def recipient(form: str) -> Recipient:
    return Recipient(
        party="acme", flows=("out",), by="query", addresses=("192.0.2.1",), jurisdiction="unknown", form=form
    )


def laid_out(*forms: Form) -> Layout:
    place = town(*forms)
    return layout_of(place, number(place))


def decided(form: Form, dataset: str = "weather") -> Decision:
    """A yes."""
    return Decision(True, (), Grounds("acme", "out", "deal", dataset, "planning"), form, "0" * 64)


NO = Decision(False, (ReleaseReason.UNDECLARED,), Grounds(), Form(), "0" * 64)


def channel(layout: Layout, device: str, prop: str = "air-temperature") -> int:
    registry = layout.registry
    return registry.channel_by_property[registry.unit_index[device], prop]


def rows_of(layout: Layout, *readings: tuple[Any, ...]) -> Rows:
    """(device, minutes since midnight, value[, property[, minutes until it came]]) each."""
    said = [(*r, *("air-temperature", 0)[len(r) - 3 :]) for r in readings]
    at = np.array([NIGHT + round(r[1] * 60) * SECOND for r in said], dtype=np.int64)
    return Rows(
        channel=np.array([channel(layout, r[0], r[3]) for r in said], dtype=np.int32),
        value=np.array([r[2] for r in said], dtype=np.float64),
        observed_at=at,
        received_at=at + np.array([round(r[4] * 60) * SECOND for r in said], dtype=np.int64),
    )


def passed(rows: Rows, form: Form, layout: Layout, dataset: str = "weather", **changed: Any) -> Passed:
    usual: dict[str, Any] = {
        "recipient": "acme-desk", "keys": KEYS, "now_us": LATER, "asked": Asked(0, LATER), "told": Atoms.none(),
    }  # fmt: skip
    found = release(rows, decided(form, dataset), layout, **{**usual, **changed})
    assert not isinstance(found, Refused)
    return found


def table(one: Passed) -> list[dict[str, Any]]:
    """The told rows."""
    columns = {name: column.tolist() for name, column in one.columns.items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def hour(n: int) -> int:
    return NIGHT + n * HOUR
