"""Where a datum's way ends, and the answer in a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cityward.place.data import Observability
from cityward.place.model import Place
from cityward.place.record import UNKNOWN
from cityward.reach.following.shapes import Hop, Known, Last, Stop
from cityward.reach.telling.names import name_of
from cityward.reach.telling.phrases import counted

BEST: tuple[Known, ...] = ("proven", "withheld", "declared", "not observable")


def lasts(place: Place, hops: Sequence[Hop]) -> Iterable[Last]:
    """In the order in which they are reached."""
    leaving = {hop.from_.id for hop in hops}
    ends: dict[str, list[Hop]] = {}
    for hop in hops:
        if hop.to.id not in leaving:
            ends.setdefault(hop.to.id, []).append(hop)
    for arriving in ends.values():
        known: Known = next(one for one in BEST if any(hop.known == one for hop in arriving))
        stop = arriving[0].to
        yield Last(stop=stop, flows=tuple(h.flow for h in arriving), known=known, behind=_behind(place, stop))


def _behind(place: Place, stop: Stop) -> str:
    if stop.kind == "device":
        return "It is told what to do by it. Nothing of the datum leaves it."
    if stop.ours:
        return "The city's own: no declared flow leads on from here."
    told = "No declared flow leads on from here. What happens to it behind this is not seen by the city."
    party = place.parties.get(stop.party)
    if party is None:
        return f"{told} Who runs it is not known."
    if party.subprocessors == UNKNOWN:
        return f"{told} Whom it hands work to is not known."
    if party.subprocessors:
        return f"{told} It hands work to {', '.join(name_of(place, name) for name in party.subprocessors)}."
    return f"{told} It is declared to hand work to nobody."


def sentence(hops: Sequence[Hop], last: Sequence[Last]) -> str:
    if not hops:
        return "No declared flow carries it: it may go nowhere."
    outside = dict.fromkeys(hop.to.party for hop in hops if not hop.to.ours and hop.to.kind != "device")
    lands = dict.fromkeys(hop.to.land for hop in hops if not hop.to.ours and hop.to.kind != "device")
    kinds: tuple[Known, ...] = ("proven", "declared", "not observable")
    count = {known: sum(hop.known == known for hop in hops) for known in kinds}
    withheld = len(hops) - sum(count.values())
    parts = [f"{count['proven']} on record"] if not withheld else []
    parts += [f"{count['declared']} declared only"] if count["declared"] else []
    parts += [f"{count['not observable']} that nobody here can observe"] if count["not observable"] else []
    parts += [f"{withheld} whose records are not yours to see"] if withheld else []
    where = f" in {counted(len(lands), 'country', 'countries')}" if outside else ""
    return (
        f"It may go by {counted(len(hops), 'flow')} to {counted(len(outside), 'party', 'parties')} outside the city{where}, "
        f"and ends at {counted(len(last), 'last recipient')}: {', '.join(parts)}."
    )


def sight(hops: Sequence[Hop]) -> str:
    unseen = [hop for hop in hops if hop.observability != Observability.ENFORCED.value]
    if not unseen:
        return "The city carries every one of these hops itself. It sees nothing behind the last recipients."
    first = ", ".join(dict.fromkeys(hop.to.name for hop in unseen[:4]))
    more = f" and {len(unseen) - 4} more" if len(unseen) > 4 else ""
    seen = len(hops) - len(unseen)
    ends = f"Its sight ends on the way to {first}{more}, and behind every last recipient."
    return f"The city carries {seen} of {len(hops)} hops itself. {ends}"
