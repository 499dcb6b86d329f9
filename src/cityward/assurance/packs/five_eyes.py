"""The smart-city guide of seven agencies of five states (2023), by its three groups of recommendations."""

from __future__ import annotations

from cityward.assurance.packs.telling import Clause, Pack

PACK = Pack(
    id="five-eyes",
    framework="5E",
    title="Cybersecurity Best Practices for Smart Cities",
    publisher="CISA, NSA, FBI, NCSC-UK, ACSC, CCCS, NCSC-NZ",
    version="first edition",
    dated="2023-04-19",
    source="field guide of this project, section A.2",
    left_out="The guide numbers nothing: the ids are ours, one for each group, and two single asks of the second and third.",
    clauses=(
        Clause("planning", "Planned and built so: least privilege, few ways in, nothing weak, each thing known",
               ("K-01", "M-01", "M-02", "X-01", "X-03", "X-04", "X-09")),
        Clause("supply-chain", "Suppliers: what they reach, who owns and may use the data, what a device needs to reach",
               ("J-01", "J-07", "J-08", "J-09", "M-01")),
        Clause("supply-chain.data", "Where data is kept, and who may use it for what", ("J-02", "J-03", "P-02", "P-03")),
        Clause("resilience", "Copies, trained people, plans; running by hand, tried", ("R-02", "R-03", "R-07", "R-08")),
        Clause("resilience.manual", "Cut off from the centre, the street goes on by itself", ("I-06", "X-08")),
    ),
)  # fmt: skip
