"""When the demonstration's lorries come to which containers: as the city's plans tell their crews."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.compose.setting import Setting
from cityward.runtime.serving.acting.plans import PLANS_LAST_US
from cityward.runtime.serving.kept import PlanRow


def visits_of_crews(setting: Setting) -> dict[str, list[int]]:
    """Unit -> when a crew comes to it, city us, rising.

    Raises:
        LinkError: the state database does not answer.
    """
    return visits_of(setting.state.services.plans_since(setting.now_us() - PLANS_LAST_US))


def visits_of(plans: Iterable[PlanRow]) -> dict[str, list[int]]:
    """The stops of these plans, oldest first. A plan is driven until its crew was given the next of its kind, or it expired."""
    until: dict[tuple[str, str, str], int] = {}
    found: dict[str, list[int]] = {}
    for plan in reversed([plan for plan in plans if plan.state != "withdrawn"]):
        crew = (plan.service, plan.kind, plan.crew)
        over = min(plan.expires_at, until.get(crew, plan.expires_at))
        until[crew] = plan.issued_at
        for stop in plan.stops:
            if stop.due < over:
                found.setdefault(stop.subject, []).append(stop.due)
    return {unit: sorted(times) for unit, times in found.items()}
