"""IEC 62443-3-3: the system requirements that a city platform touches. Evidence for an assessor, never a certificate."""

from __future__ import annotations

from cityward.assurance.packs.telling import Clause, Pack

PACK = Pack(
    id="iec-62443-3-3",
    framework="IEC62443-3-3",
    title="System security requirements and security levels",
    publisher="IEC",
    version="requirement ids (SR); hold them against the edition that applies",
    dated="",
    source="field guide of this project, section A.2",
    left_out="Requirement enhancements and security levels; all requirements that the field guide does not name.",
    clauses=(
        Clause("4.2", "Security never stops what is essential", ("I-05", "I-06")),
        Clause("SR 1.2", "Software and devices prove who they are", ("X-05",)),
        Clause("SR 1.13", "Access by way of networks that are not trusted", ("J-04", "J-10")),
        Clause("SR 2.1", "Who may look, operate and set up are told apart", ("I-04", "J-10", "M-02")),
        Clause("SR 2.6", "A session from afar ends", ("M-01",)),
        Clause("SR 2.8", "What happens is on record", ("M-04",)),
        Clause("SR 2.9", "Room for the record"),
        Clause("SR 2.10", "What happens when the record cannot be written", ("M-06",)),
        Clause("SR 2.11", "Times that can be trusted", ("M-04",)),
        Clause("SR 2.12", "Nobody can deny what they did", ("P-06",)),
        Clause("SR 3.1", "Messages arrive as they were sent", ("X-06",)),
        Clause("SR 3.5", "What comes in is checked", ("X-02",)),
        Clause("SR 3.6", "On a failure, outputs go to a known state", ("I-05", "I-06")),
        Clause("SR 3.9", "The record is protected", ("M-05",)),
        Clause("SR 5.1", "The network is cut into parts", ("X-01", "X-08")),
        Clause("SR 5.2", "Crossings are guarded", ("X-01", "X-03")),
        Clause("SR 5.3", "People's own messages stay out of it"),
        Clause("SR 5.4", "Applications are kept apart"),
        Clause("SR 6.1", "The record can be read by those who must"),
        Clause("SR 6.2", "Somebody watches all the time", ("M-04",)),
        Clause("SR 7.1", "A flood is borne", ("R-01",)),
        Clause("SR 7.3", "Copies are made"),
        Clause("SR 7.4", "And brought back", ("R-03",)),
        Clause("SR 7.8", "What there is, is listed", ("K-01",)),
    ),
)
