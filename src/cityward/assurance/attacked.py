"""What each exercise speaks for: what it attacked, and what is of the same kind by the declaration. See `trying`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cityward.assurance.trail import Entry
from cityward.evidence.records import Exercised
from cityward.place.model import Place


def by_attacked(place: Place, runs: Iterable[Entry[Exercised]]) -> Mapping[str, list[tuple[Entry[Exercised], str]]]:
    """Subject -> the exercises that speak for it, oldest first, each with what of it was attacked."""
    found: dict[str, list[tuple[Entry[Exercised], str]]] = {}
    flows: dict[str, list[str]] = {}
    for name, flow in place.flows.items():
        flows.setdefault(flow.from_, []).append(name)
    for entry in runs:
        for attacked in (*(f"services.{name}" for name in entry.record.services), *entry.record.subjects):
            for subject in _spoken_for(place, flows, attacked):
                found.setdefault(subject, []).append((entry, attacked))
    return found


def _spoken_for(place: Place, flows: Mapping[str, list[str]], attacked: str) -> Iterable[str]:
    yield attacked
    kind, _, name = attacked.partition(".")
    if kind == "devices" and name in place.devices:
        yield f"device_models.{place.devices[name].model}"
        yield from (f"flows.{flow}" for flow in flows.get(name, ()))
    elif kind == "cameras" and name in place.cameras:
        unit = place.cameras[name].device
        group = unit if unit in place.devices else unit.rpartition("-")[0]  # of a group: `harbour-cameras-02`
        yield from (f"devices.{group}", f"device_models.{place.devices[group].model}")
    elif kind == "recipients" and name in place.recipients:
        yield f"parties.{place.recipients[name].party}"
