"""The fourteen principles, by id and short name, in the three groups in which they are told. The asks are in our own words.

SPEC: NCSC, Connected Places: cyber security principles (2021).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Principle:
    """One of them. human: what no machine can say, and a person must."""

    id: str
    name: str
    group: Literal["understand", "design", "manage"]
    ask: str
    human: str


PRINCIPLES = (
    Principle("N1", "Your connected place and the impacts", "understand", "What is there, what flows, who depends on it",
              "why the place exists, and which harm to citizens matters"),
    Principle("N2", "The risks", "understand", "What may go wrong, who bears it, when that was last looked at",
              "the appetite for risk, and who accepts what is left"),
    Principle("N3", "Governance and skills", "understand", "Who answers for each thing, and who may decide",
              "that the people are able, and that the board listens"),
    Principle("N4", "Suppliers", "understand", "What each supplier and its owners can reach, and from where",
              "who really owns a firm, and whether it is trusted"),
    Principle("N5", "Legal and regulatory requirements", "understand", "Which data has which basis, term and transfer",
              "what the law means here, and whether it is proportionate"),
    Principle("N6", "Architecture", "design", "Zones, the few ways between them, and that a part can be cut off",
              "which zones, and which legacy is borne"),
    Principle("N7", "Exposure", "design", "The fewest ways in and out, each with an identity of its own",
              "what cabinets look like from inside"),
    Principle("N8", "Data", "design", "Least data, least revealing, whole from source to use, gone when due",
              "whether anonymous is anonymous enough"),
    Principle("N9", "Resilience and scale", "design", "What happens when a part falls, and that it was tried",
              "how long an outage may last, and who then works by hand"),
    Principle("N10", "Monitoring", "design", "What would be seen, how fast, and that nobody can wipe it away",
              "that somebody is on duty"),
    Principle("N11", "Privileges", "manage", "Who may do what, for how long, from where; nobody everything",
              "whom to vet"),
    Principle("N12", "Supply chains", "manage", "What contracts ask, what evidence is fresh, that leaving works",
              "what a contract is worth"),
    Principle("N13", "Life cycle", "manage", "What runs is what was approved; what was retired is silent",
              "that a thing was taken down from its pole"),
    Principle("N14", "Incidents", "manage", "That an incident has a file, clocks, a way back, and was exercised",
              "whom to tell, and what was learned"),
)  # fmt: skip
