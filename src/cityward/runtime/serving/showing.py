"""How each service stands after its turn, for whoever looks: what it proposed last, what it is shown, what is wrong."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from cityward.guard.permit import Allowed, Proposal, Refusal
from cityward.guard.wellformed import are_causes
from cityward.runtime.serving.acting.judging import as_number, as_text
from cityward.runtime.serving.binding import Bound
from cityward.runtime.serving.kept import ProposalShown, ServiceStatus
from cityward.runtime.serving.world import ServiceWorld
from cityward.services.contract import View

PROPOSALS_SHOWN = 40


class Showing:
    """See the module."""

    def __init__(self, world: ServiceWorld, bounds: Sequence[Bound]) -> None:
        self._world = world
        self._proposed = {bound.id: deque[ProposalShown](maxlen=PROPOSALS_SHOWN) for bound in bounds}

    def judged(self, bound: Bound, verdicts: Sequence[tuple[Proposal, Allowed | Refusal]], now_us: int) -> None:
        """What the gate said of the proposals of a turn, the most urgent first."""
        for proposal, verdict in reversed(verdicts[:PROPOSALS_SHOWN]):
            self._proposed[bound.id].appendleft(_shown(proposal, verdict, now_us))

    def status(
        self,
        bound: Bound,
        view: View[Any],
        memory_bytes: int,
        shed: dict[str, int],
        jobs: tuple[str, ...],
        windows_at: int | None,
    ) -> ServiceStatus:
        """How it stands now."""
        left_out: dict[str, int] = {}
        for why in view.left_out.values():
            left_out[why] = left_out.get(why, 0) + 1
        last_fault = self._world.last_faults.get(bound.id)
        return ServiceStatus(
            service=bound.id,
            at=view.now_us,
            memory_bytes=memory_bytes,
            proposals=tuple(self._proposed[bound.id]),
            shed=shed,
            left_out=left_out,
            windows_at=windows_at,
            series=len(view.series),
            points=sum(len(series.times) for series in view.series.values()),
            documents={flow: document.age_us for flow, document in view.documents.items()},
            held=len(view.held),
            jobs=jobs,
            faults=self._world.progress.faults[bound.id],
            last_fault=last_fault[1] if last_fault is not None else "",
            last_fault_at=last_fault[0] if last_fault is not None else None,
        )


def _shown(proposal: Any, verdict: Allowed | Refusal, now_us: int) -> ProposalShown:
    refusal = verdict if isinstance(verdict, Refusal) else None
    cause = getattr(proposal, "cause", None)
    return ProposalShown(
        at=now_us,
        device=as_text(getattr(proposal, "device", "")),
        command=as_text(getattr(proposal, "command", "")),
        value=as_number(getattr(proposal, "value", 0.0)),
        verdict="allowed" if refusal is None else refusal.reason.value,
        mend="" if refusal is None else refusal.mend,
        cause=dict(cause) if are_causes(cause) and cause is not None else {},
    )
