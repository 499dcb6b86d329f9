"""OASC MIM6 (securing), its six requirements. The mechanisms are under heavy rework: mapped, not built in."""

from __future__ import annotations

from cityward.assurance.packs.telling import Clause, Pack

PACK = Pack(
    id="mim6",
    framework="MIM6",
    title="Minimal Interoperability Mechanism 6: securing",
    publisher="Open & Agile Smart Cities",
    version="requirements R1 to R6, as renumbered by the journey of data",
    dated="",
    source="field guide of this project, section A.2",
    left_out="Capabilities and mechanisms below the requirements.",
    clauses=(
        Clause("R1", "Rules for who may have access", ("P-02", "X-03")),
        Clause("R2", "Identities from their beginning to their end", ("M-03", "R-05", "X-05")),
        Clause("R3", "What one proves oneself with", ("X-04", "X-05")),
        Clause("R4", "Rights are looked at again", ("M-01", "M-02")),
        Clause("R5", "Encryption", ("P-08", "X-06")),
        Clause("R6", "Sources that are verified", ("I-01", "K-01", "X-05")),
    ),
)
