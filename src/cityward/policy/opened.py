"""May a document be open to anybody: what speaks against it, by the declaration and the postures in force.

A recipient is one party that proves itself. A stop's page is read by whoever stands there: nobody proves anything, so only what
is public for everybody may be opened, by a flow that says so. There is no receipt for each reading; what was published is kept.

INVARIANTS
- Nothing is opened but by a declared flow from the platform, enforced here, all of whose datasets are public and not personal.
- A posture in force only takes; one that is not declared takes all. What stops a dataset stops what is made of it too.
- Total and pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from cityward.place.data import Flow, Observability
from cityward.place.model import Place
from cityward.place.release import Posture


def closed_because(
    place: Place, flow_id: str | None, postures: Collection[str], rests_on: Collection[str] = ()
) -> tuple[str, ...]:
    """Why what this flow carries may not be open to anybody now; empty where it may.

    Args:
        place: the declaration.
        flow_id: the flow that is to carry it; None where none is named.
        postures: those in force.
        rests_on: the datasets that the document is made of, besides those that the flow carries.
    """
    flow = place.flows.get(flow_id) if flow_id is not None else None
    if flow is None:
        return ("no flow is declared by which it is open to the public",)
    return tuple(_against(place, str(flow_id), flow, postures, rests_on))


def _against(
    place: Place, flow_id: str, flow: Flow, postures: Collection[str], rests_on: Collection[str]
) -> Iterator[str]:
    if flow.observability is not Observability.ENFORCED or place.platform is None or flow.from_ != place.platform:
        yield f"flow `{flow_id}` does not begin here, enforced"
    for name in flow.datasets:
        dataset = place.datasets.get(name)
        if dataset is None or dataset.personal or dataset.sensitivity != "public":
            yield f"`{name}` is not public data about no person"
    for name in sorted(postures):
        posture = place.postures.get(name)
        if posture is None or _stops(place, posture, flow, rests_on):
            yield f"posture `{name}` is in force"


def _stops(place: Place, posture: Posture, flow: Flow, rests_on: Collection[str]) -> bool:
    datasets = {*flow.datasets, *rests_on}
    sensitivities = {place.datasets[name].sensitivity for name in datasets if name in place.datasets}
    system = place.systems.get(flow.to)
    receivers = {flow.to, system.operator if system is not None else flow.to}
    return (
        flow.purpose in posture.stop_purposes
        or bool(datasets & set(posture.stop_datasets))
        or bool(sensitivities & set(posture.stop_sensitivity))
        or bool(receivers & set(posture.stop_parties))
    )
