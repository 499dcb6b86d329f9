"""Interests as stakes: which mechanism, which share, and shares that add up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from cityward.adapters.exchange.imports.draft import Draft
from cityward.adapters.exchange.imports.fields import Fields, as_date, squash
from cityward.adapters.exchange.imports.formats.bods.words import ECONOMIC, MECHANISMS, SEATS


@dataclass(frozen=True, slots=True)
class Stake:
    """A share in, or control over, a party."""

    owner: str
    mechanism: str
    share: float | None
    direct: bool

    def record(self) -> dict[str, object]:
        """As the declaration writes it."""
        record: dict[str, object] = {"party": self.owner}
        if self.share is not None:
            record["share"] = self.share
        return record | ({"mechanism": self.mechanism} if self.mechanism != "ownership" else {})


def stakes_of(
    relationship: Fields, owner: str, latest: str, draft: Draft, note: Callable[[str], None]
) -> Iterator[Stake]:
    """The stakes a relationship gives an owner.

    Args:
        relationship: its details.
        owner: our id of the interested party.
        latest: the last day of the files: interests that ended by then are left out.
        draft: is told what is no control.
        note: takes what there is to know about a share.
    """
    interests = relationship.list("interests")
    if not interests:
        note(f"The interest of {owner} is not stated.")
        yield Stake(owner, "contractual", None, True)
    for i, item in enumerate(interests):
        interest = Fields(item, f"{relationship.where}.interests[{i}]")
        ended = as_date(interest.get("endDate"))
        word = squash(interest.text("type"))
        if ended is not None and ended <= latest:
            draft.leave("interests[]", "they have ended")
        elif word in ECONOMIC:
            draft.lose(interest.where, interest.text("type"), "an economic right, which is no control")
        elif word in SEATS:
            draft.lose(interest.where, interest.text("type"), "a seat on a board, which is no control of the whole")
        else:
            mechanism = _mechanism(interest, owner, draft)
            share = _share(interest, f"{owner}: %s by {mechanism}.", draft, note)
            direct = squash(interest.text("directOrIndirect") or interest.text("interestLevel")) != "indirect"
            yield Stake(owner, mechanism, share, direct)


def _mechanism(interest: Fields, owner: str, draft: Draft) -> str:
    word = interest.text("type")
    mechanism = MECHANISMS.get(squash(word))
    if mechanism is None:
        draft.lose(f"{interest.where}.type", word, "no type of interest of BODS; imported as `contractual`")
    if mechanism == "state" and draft.get("parties", owner)["kind"] not in ("state", "public-body"):
        return "contractual"
    return mechanism or "contractual"


def _share(interest: Fields, told: str, draft: Draft, note: Callable[[str], None]) -> float | None:
    share = Fields(interest.get("share"), interest.where)
    exact = share.number("exact")
    low = next((n for n in (share.number("minimum"), share.number("exclusiveMinimum")) if n is not None), None)
    high = next((n for n in (share.number("maximum"), share.number("exclusiveMaximum")) if n is not None), None)
    if exact is None and low is not None and low == high:
        exact = low
    if exact is not None and 0 <= exact <= 100:
        return exact
    if low is None and high is None:
        return None
    least, most = low or 0.0, 100.0 if high is None else high
    if not 0 <= least <= most <= 100:
        draft.lose(f"{interest.where}.share", f"{low} to {high}", "no range of per cent; the share is left out")
        return None
    note(told % f"{least:g} to {most:g} %")
    return share_of(least, most)


def share_of(low: float, high: float) -> float | None:
    """The share to write for a range, in per cent.

    The lower end is what is certain. It is written where the question of control does not hang on the rest: at least half, or
    less than half in any case. Else nothing is written, which the rules take as possible control.
    """
    return low if low >= 50 or high < 50 else None


def summed(stakes: list[Stake], where: str, draft: Draft) -> list[Stake]:
    """Shares that add up: where those of one kind exceed 100, the indirect ones count what others count already."""
    for mechanism in dict.fromkeys(stake.mechanism for stake in stakes):
        for only_indirect in (True, False):
            if sum(s.share or 0.0 for s in stakes if s.mechanism == mechanism) <= 100.0 + 1e-6:
                break
            what = "indirect shares" if only_indirect else "all shares"
            draft.lose(where, what, f"the shares by `{mechanism}` add up to more than 100 %; left out")
            stakes = [
                replace(s, share=None) if s.mechanism == mechanism and not (only_indirect and s.direct) else s
                for s in stakes
            ]
    return stakes
