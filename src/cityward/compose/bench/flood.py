"""The town that `cityward bench flood` floods: made here, everything else is the city anyone runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from cityward.adapters.bench.city import PROPERTY
from cityward.adapters.bench.flood import CRITICAL, FLOOD, FREE, PACKS, ROUTINE, Flooded, Phase, Plan, bench_flood
from cityward.compose.bench.town import measured_city, member_names

__all__ = ["Flooded", "Phase", "Plan", "run_bench_flood"]

UNBOUNDED = {"messages_per_minute": 10_000_000, "bytes_per_minute": 1_000_000_000_000}


def run_bench_flood(folder: Path, plan: Plan, tell: Callable[[str], None]) -> Flooded:
    """`cityward bench flood` in this folder. See `adapters.bench.flood`."""
    groups = {
        CRITICAL: plan.critical,
        ROUTINE: plan.routine,
        FLOOD: plan.flooders,
        PACKS: plan.flooders,
        FREE: plan.flooders,
    }
    names = [name for group, count in groups.items() for name in member_names(group, count)]
    with measured_city(folder / "flooded", flood_declaration(groups), names, True) as city:
        return bench_flood(city, plan, tell)


def flood_declaration(groups: Mapping[str, int]) -> dict[str, object]:
    """Five groups, each with a flow of its own at the default limits but for `free`; an essential function needs the critical."""
    return {
        "place": "bench",
        "name": "The town that is flooded",
        "position": [2.3, 54.9],
        "responsible": "council",
        "platform": "cityward",
        "parties": {"council": {"kind": "public-body", "incorporated_in": "xa"}},
        "jurisdictions": {"xa": {"code": "XA", "kind": "state"}},
        "purposes": {"measuring": {}},
        "sites": {"street": {"jurisdiction": "xa", "operator": "council", "tags": ["street"]}},
        "systems": {"cityward": {"kind": "platform", "site": "street", "operator": "council"}},
        "device_models": {"meter": {"maker": "council", "format": "senml", "properties": {PROPERTY: {}}}},
        "datasets": {
            "speeds": {"personal": False, "sensitivity": "public", "retention_days": 1, "properties": [PROPERTY]}
        },
        "services": {"watching": {"kind": "transport", "operator": "council"}},
        "functions": {"seen": {"service": "watching", "needs": [{"of": [CRITICAL]}], "essential": True}},
        "devices": {group: _group(count) for group, count in groups.items()},
        "flows": {f"{group}-in": _flow(group, UNBOUNDED if group == FREE else {}) for group in groups},
    }


def _group(count: int) -> dict[str, object]:
    return {"model": "meter", "site": "street", "owner": "council", "positions": [[2.3, 54.9]] * count}


def _flow(group: str, limits: Mapping[str, int]) -> dict[str, object]:
    return {
        "from": group,
        "to": "cityward",
        "datasets": ["speeds"],
        "purpose": "measuring",
        "protocol": "mqtt",
        "observability": "enforced",
        "limits": {"max_age_s": 86_400, **limits},
    }
