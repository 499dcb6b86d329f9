"""The vocabulary of exposure: what a clause can say, and the numbers clauses say it in.

A *node* is one statement that holds in a scenario or does not: (predicate, subject, detail), such as (acts, northlight, alter) or
(thing, lighting-control, read). The rules that join nodes are those of docs/reach.md, under the same names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from cityward.place.parties import Instrument


class Use(StrEnum):
    """What a party can be brought to do."""

    DISCLOSE = "disclose"
    INTERCEPT = "intercept"
    ASSIST = "assist"
    ALTER = "alter"
    STOP = "stop"


USES = tuple(Use)
HANDED = (Use.DISCLOSE, Use.INTERCEPT, Use.ASSIST, Use.ALTER)
"""The uses that can be handed to a sub-processor."""

_POWERS = {
    "disclose": Use.DISCLOSE, "intercept": Use.INTERCEPT, "assist": Use.ASSIST, "alter": Use.ALTER, "disable": Use.STOP,
}  # fmt: skip


def uses_of(instrument: Instrument) -> tuple[Use, ...]:
    """The uses that an instrument's powers give. Secrecy gives none."""
    return tuple(_POWERS[power] for power in dict.fromkeys(instrument.powers) if power in _POWERS)


class Mode(StrEnum):
    """What can be done to an item."""

    READ = "read"
    HOLD = "hold"  # has it, perhaps sealed
    SHAPE = "shape"  # can have its software built to read
    WRITE = "write"
    COMMAND = "command"
    UPDATE = "update"
    PHYSICAL = "physical"
    STOP = "stop"
    MISLEAD = "mislead"
    NEAR = "near"  # has to do with it, without necessarily reaching it


class Predicate(StrEnum):
    """What a node says of its subject. `detail` in brackets."""

    # scenarios
    PARTY = "party"
    LAW_PARTY = "law-party"
    LAW_PLACE = "law-place"
    NEXUS_PARTY = "nexus-party"
    NEXUS_PLACE = "nexus-place"
    # law and parties
    POWER = "power"  # of an instrument, over parties
    PLACE_POWER = "place-power"
    ADDRESSEE = "addressee"  # a party (instrument)
    ASKS_WHO_SERVES = "asks-who-serves"  # an instrument that addresses whoever serves there has its power
    MAY_SERVE = "may-serve"  # a party, in a jurisdiction that is not known
    UNKNOWN_SERVES = "unknown-serves"  # in a jurisdiction, or one that is not known: somebody who is not known
    ANY_ADDRESSEE = "any-addressee"  # an instrument: every party may be its addressee
    OF = "of"  # a party that counts as the instrument's own (instrument)
    HELD = "held"  # a party held from there (instrument)
    ACTS = "acts"  # a party (use)
    HANDS = "hands"  # a party (use)
    NAMED = "named"  # a party that acts with any use
    ANYONE = "anyone"  # (use)
    OPENS = "opens"  # (kind of key)
    # places
    IN_PLACE = "in-place"  # a jurisdiction (use)
    SITS = "sits"  # a jurisdiction (use)
    PASSES = "passes"  # a jurisdiction
    ANYWHERE = "anywhere"  # (use)
    SITS_ANYWHERE = "sits-anywhere"  # (use)
    PASSES_ANYWHERE = "passes-anywhere"
    # what is reached
    USED = "use"  # an access (use)
    TAP = "tap"  # a flow
    MEDDLE = "meddle"  # a flow
    KEY = "key"
    SITE = "site"  # (stop)
    GONE = "gone"  # a party has stopped
    THING = "thing"  # a system, device or member (mode)
    DATASET = "dataset"  # (read, hold, write, near)
    SERVICE = "service"  # (command, mislead, near)
    FUNCTION = "function"  # (stop, near)


ITEMS = (Predicate.DATASET, Predicate.THING, Predicate.SERVICE, Predicate.FUNCTION)

ANSWERED: dict[Predicate, tuple[Mode, ...]] = {
    Predicate.DATASET: (Mode.READ, Mode.WRITE),
    Predicate.THING: (Mode.READ, Mode.WRITE, Mode.COMMAND, Mode.UPDATE, Mode.PHYSICAL, Mode.STOP),
    Predicate.SERVICE: (Mode.COMMAND, Mode.MISLEAD),
    Predicate.FUNCTION: (Mode.STOP,),
}
"""The modes that are answers, for each kind of item; the others are steps on the way."""

SCENARIOS = (
    Predicate.PARTY,
    Predicate.LAW_PARTY,
    Predicate.LAW_PLACE,
    Predicate.NEXUS_PARTY,
    Predicate.NEXUS_PLACE,
)


class Node(NamedTuple):
    """One statement. `detail` is a use, a mode, an instrument or a kind of key, by predicate; often empty."""

    predicate: Predicate
    subject: str
    detail: str = ""


class Rule(StrEnum):
    """The rules of docs/reach.md, in its order."""

    INSTRUMENT = "instrument"
    STATE_BODY = "state-body"
    INCORPORATED = "incorporated"
    PRESENT = "present"
    SERVES_THERE = "serves-there"
    PARENT = "parent"
    COMPELLED = "compelled"
    BELONGS = "belongs"
    TURNED = "turned"
    CONTROLS = "controls"
    OWNER_UNKNOWN = "owner-unknown"
    ANYONE = "anyone"
    HANDS = "hands"
    SUBPROCESSOR = "subprocessor"
    LIES_IN = "lies-in"
    SITS_IN = "sits-in"
    PASSES_IN = "passes-in"
    PART_OF = "part-of"
    ANYWHERE = "anywhere"
    STANDS_IN = "stands-in"
    OPERATES = "operates"
    OWNS = "owns"
    HOSTS = "hosts"
    AT_SITE = "at-site"
    MAINTAINS = "maintains"
    UPDATES = "updates"
    SOFTWARE = "software"
    TOUCHED = "touched"
    ORDERED = "ordered"
    TOLD = "told"
    MEMBER = "member"
    ACCESS = "access"
    FROM_THERE = "from-there"
    MODE = "mode"
    INSIDE = "inside"
    KEPT = "kept"
    FALSIFIED = "falsified"
    RECEIVES = "receives"
    SENDS = "sends"
    HOP = "hop"
    TAPPED = "tapped"
    KEY_HOLDER = "key-holder"
    UNDEFEATED = "undefeated"
    OPENED = "opened"
    NEEDS = "needs"
    GONE = "gone"
    MISLED = "misled"
    STEERED = "steered"
    NEAR_THING = "near-thing"
    NEAR_DATA = "near-data"
    NEAR_FUNCTION = "near-function"


RULES = tuple(Rule)
RULE_NUMBER = {rule: i for i, rule in enumerate(RULES)}


@dataclass(slots=True)
class Nodes:
    """Numbers nodes in the order in which they are first said."""

    known: list[Node] = field(default_factory=list[Node])
    number: dict[Node, int] = field(default_factory=dict[Node, int])

    def of(self, predicate: Predicate, subject: str, detail: str = "") -> int:
        """The number of a node, new or known."""
        found = self.number.get((predicate, subject, detail))  # type: ignore[call-overload] # equal to the Node, and cheaper
        if found is None:
            node = Node(predicate, subject, detail)
            found = self.number[node] = len(self.known)
            self.known.append(node)
        return found

    def find(self, predicate: Predicate, subject: str, detail: str = "") -> int | None:
        """The number of a node, or None where no clause says it: then it never holds."""
        return self.number.get(Node(predicate, subject, detail))

    def __len__(self) -> int:
        return len(self.known)
