"""May we sign this: a place as it is against the same place with a proposal.

The verdict follows from the house rules alone. Newly broken are the rules that a subject breaks with the proposal and did not
before, or breaks by somebody or something that did not make it so before.

    deny                    a rule of weight deny is newly broken for certain, and no set of changes was found that mends it
    allow with conditions   such a set was found; or a rule of weight condition stays broken, to be accepted by name; or a rule is
                            possibly broken, and the facts are to be found out first; or the proposal changes facts by which it is
                            judged, and these are to be taken over into the declaration first, by their own source
    allow                   none of these

INVARIANTS
- Possibly is never certainly: a rule possibly broken asks for facts, it does not deny.
- The rules judged are those of the place: a proposal cannot bring its own (`place.reading.overlay` refuses them).
- SECURITY: a proposal that changes facts by which it is judged (`facts`) is never simply allowed.
- The same inputs give the same verdict; all of them are in `Inputs`, as digests.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import msgspec

from cityward.place.house_rules import Weight
from cityward.place.loader import Proposed
from cityward.place.reading.overlay import Changes
from cityward.reach.blast.citizens import Citizens
from cityward.reach.blast.redundancy import Redundancy, redundancy_between
from cityward.reach.blast.wiring import compile_cascade
from cityward.reach.exposure.answers import Bound
from cityward.reach.rules.judging import Finding, digest_of_rules, evaluate
from cityward.reach.rules.standing import Standing
from cityward.reach.rules.why import missing_of
from cityward.reach.sign.changes import Change
from cityward.reach.sign.difference import Difference, difference, touched
from cityward.reach.sign.facts import FactChange, fact_changes
from cityward.reach.sign.hunt import Search
from cityward.reach.sign.search import Weighed, bears, size_of

MOST_COMPARED = 500_000  # records of a place beyond which its points of failure are not compared: it takes some seconds


class Verdict(StrEnum):
    """What the house rules say to a signature."""

    ALLOW = "allow"
    CONDITIONS = "allow with conditions"
    DENY = "deny"


class Inputs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the verdict follows from. Digests are SHA-256, hexadecimal; `instruments` are those of the proposed place, by id."""

    base: str
    overlay: str
    proposed: str
    rules: str
    instruments: dict[str, str]
    day: date


@dataclass(frozen=True, slots=True)
class Judgement:
    """The answer. `broken` and `possibly` are new, and bear on the verdict; `notes` are new and do not."""

    verdict: Verdict
    inputs: Inputs
    changes: Changes
    facts: tuple[FactChange, ...]  # by which it is judged, and which it changes itself
    broken: tuple[Finding, ...]
    possibly: tuple[Finding, ...]
    notes: tuple[Finding, ...]  # of rules of weight note, and waived
    before: tuple[Finding, ...]  # broken, or possibly broken, by the place as it is
    repaired: tuple[Finding, ...]  # of these, what the proposal mends
    conditions: tuple[Change, ...]
    search: Search
    tried: int  # sets of changes
    accept: tuple[Finding, ...]  # of weight condition, and broken even with the conditions: to be accepted by name
    refused: tuple[Finding, ...]  # of weight deny, and broken even with the conditions
    find_out: tuple[str, ...]  # facts not known, as paths of the declaration
    reach: Difference
    citizens: Citizens  # touched by what is certainly reached anew
    possible_citizens: Citizens
    redundancy: Redundancy | None  # None: the place is too large to compare
    standing: Standing  # the proposed place, to tell findings by


def judge(given: Proposed, day: date) -> Judgement:
    """Whether a proposal may be signed.

    Args:
        given: the place as it is and with the proposal, as loaded.
        day: the day asked for; what does not hold on it does not count.
    """
    weighed = Weighed(given.base.place, given.proposed.place, given.changes, day)
    found = weighed.conditions()
    new = weighed.told(weighed.now, weighed.every)
    then, left = weighed.now, new
    if found.changes:
        then = weighed.with_changes(found.changes)
        left = weighed.told(then, evaluate(then))
    unmet = [finding for finding in left if bears(finding) and finding.certain]
    doubts = [finding for finding in left if bears(finding) and not finding.certain]
    facts = fact_changes(given.base.place, given.proposed.place, given.changes)
    brought = {path.partition(".")[2] for path in given.changes.added}
    reach = difference(weighed.then.exposure, weighed.now.exposure, brought)
    return Judgement(
        verdict=_verdict(unmet, (*found.changes, *doubts, *facts)),
        inputs=_inputs(given, day),
        changes=given.changes,
        facts=facts,
        broken=tuple(finding for finding in new if bears(finding) and finding.certain),
        possibly=tuple(finding for finding in new if bears(finding) and not finding.certain),
        notes=tuple(finding for finding in new if not bears(finding)),
        before=tuple(weighed.before.values()),
        repaired=weighed.repaired(),
        conditions=found.changes,
        search=found.search,
        tried=found.tried,
        accept=tuple(finding for finding in unmet if finding.weight is Weight.CONDITION),
        refused=tuple(finding for finding in unmet if finding.weight is Weight.DENY),
        find_out=_find_out(then, doubts),
        reach=reach,
        citizens=touched(weighed.now.place, [one for one in reach.new if one.bound is Bound.CERTAIN]),
        possible_citizens=touched(weighed.now.place, reach.new),
        redundancy=_redundancy(weighed),
        standing=weighed.now,
    )


def _verdict(unmet: Sequence[Finding], conditions: Sequence[Change | Finding | FactChange]) -> Verdict:
    if any(finding.weight is Weight.DENY for finding in unmet):
        return Verdict.DENY
    return Verdict.CONDITIONS if unmet or conditions else Verdict.ALLOW


def _find_out(standing: Standing, doubts: Collection[Finding]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(path for finding in doubts for path in missing_of(standing, finding.held)))


def _inputs(given: Proposed, day: date) -> Inputs:
    place = given.proposed.place
    return Inputs(
        base=given.base.digest,
        overlay=given.digest,
        proposed=given.proposed.digest,
        rules=digest_of_rules(place),
        instruments={name: _digest(instrument) for name, instrument in place.instruments.items()},
        day=day,
    )


def _digest(record: msgspec.Struct) -> str:
    return hashlib.sha256(msgspec.json.encode(record, order="sorted")).hexdigest()


_STANDING = frozenset(
    {"parties", "jurisdictions", "sites", "systems", "devices", "device_models", "functions", "areas"}
)
"""The kinds of record by which something stands or falls."""


def _redundancy(weighed: Weighed) -> Redundancy | None:
    changes = weighed.changes
    if not any(path.partition(".")[0] in _STANDING for path in (*changes.added, *changes.replaced, *changes.removed)):
        return Redundancy(lost=(), won=())
    if size_of(weighed.proposed) > MOST_COMPARED:
        return None
    before, after = weighed.then.place, weighed.now.place
    return redundancy_between(before, compile_cascade(before), after, compile_cascade(after))
