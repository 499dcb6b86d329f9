"""NCSC Cyber Assessment Framework 4.0: the outcomes whose indicators a running city can be evidence for."""

from __future__ import annotations

from cityward.assurance.packs.telling import Clause, Pack

PACK = Pack(
    id="caf",
    framework="CAF",
    title="Cyber Assessment Framework",
    publisher="NCSC (United Kingdom)",
    version="4.0",
    dated="",
    source="field guide of this project, section A.2",
    left_out="Outcomes that the field guide does not name by id (of A1, A2, B1, B4, B6, C2, D1.a, D1.b and others).",
    clauses=(
        Clause("A3.a", "What there is: an inventory with owners, dependencies and life cycle", ("K-01", "K-02", "K-03", "K-06")),
        Clause("A4.a", "Suppliers known in depth: sub-contractors, owners, every connection of a third party",
               ("J-01", "J-02", "J-06", "J-07", "J-08", "X-07")),
        Clause("B2.b", "Devices prove who they are, and unknown ones are looked for", ("K-01", "X-05")),
        Clause("B2.c", "Privileged and third-party access ends by itself, and is on record", ("J-04", "M-01", "M-02")),
        Clause("B3.a", "Data known: where, who has it, how it adds up; copies gone when due; impact looked at yearly",
               ("K-07", "K-08", "P-04")),
        Clause("B5.b", "Parts kept apart, and bound by place", ("J-02", "X-01", "X-08", "X-09")),
        Clause("C1.a", "Sources of logs cover what matters, with clocks that agree", ("M-04",)),
        Clause("C1.b", "Logs cannot be changed unseen, and that is checked", ("M-05", "M-06")),
        Clause("D1.c", "Exercises made of incidents, one's own and others', routinely", ("R-08",)),
    ),
)  # fmt: skip
