"""Norway's Digital Security Act: what it asks of those who must register, in four parts of our own naming."""

from __future__ import annotations

from cityward.assurance.packs.telling import Clause, Pack

PACK = Pack(
    id="dsl",
    framework="DSL",
    title="Digital Security Act (digitalsikkerhetsloven)",
    publisher="Norway",
    version="in force since the date; of the level of the first NIS directive",
    dated="2025-10-01",
    source="field guide of this project, section A.2",
    left_out="Section numbers: not sure of them. The ids are ours. Whether a city's service falls under the act is for a lawyer.",
    clauses=(
        Clause("register", "Whoever falls under the act is registered with the authority"),
        Clause("management", "Security is managed: roles, decisions, looked at again", ("K-03", "R-06")),
        Clause("risk", "Risks are judged, those from outside dependencies with them", ("J-06", "J-12", "K-06", "K-09")),
        Clause("notice", "An incident is told within 24 hours", ("R-07",)),
    ),
)
