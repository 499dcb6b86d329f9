"""ETSI EN 303 645: the thirteen provisions for consumer devices; what a city sees of them by running."""

from __future__ import annotations

from cityward.assurance.packs.telling import Clause, Pack

PACK = Pack(
    id="en-303-645",
    framework="EN303645",
    title="Cyber security for consumer Internet of Things: baseline requirements",
    publisher="ETSI",
    version="numbering of the thirteen provisions; hold it against the edition that applies",
    dated="",
    source="field guide of this project, section A.2",
    left_out="Single requirements (5.1-1 and so on): most are for a maker to state, and are asked as supplier evidence.",
    clauses=(
        Clause("5.1", "No password that all devices of a make share", ("X-04",)),
        Clause("5.2", "A way to report weaknesses"),
        Clause("5.3", "Software can be renewed, and is for a stated time", ("R-04",)),
        Clause("5.4", "Secrets are kept safely in the device"),
        Clause("5.5", "What it says is protected on its way", ("X-06",)),
        Clause("5.6", "Few ways in"),
        Clause("5.7", "Its software is what its maker made"),
        Clause("5.8", "Personal data is safe", ("P-01", "P-05")),
        Clause("5.9", "It goes on through an outage", ("I-06", "J-09")),
        Clause("5.10", "What it tells is looked at for what is odd", ("I-01",)),
        Clause("5.11", "People's data is easily deleted", ("P-04",)),
        Clause("5.12", "Easy to set up and to look after"),
        Clause("5.13", "What comes in is checked before it is used", ("X-02",)),
    ),
)
