"""Under which law a copy would stand: the jurisdictions that count for one case, or for people who look.

They are those with power over the recipient's party, where its addresses are, where the system stands that the flow leads to,
where the agreement lets the data be, and what an open route passes; and, possibly, those with power over whoever the party hands
work to, unless the agreement forbids that.
"""

from __future__ import annotations

from collections.abc import Iterator

from cityward.place.data import Dataset, Protection
from cityward.place.record import UNKNOWN
from cityward.policy.case import Case, Facts

Counted = tuple[str, str, str, bool]
"""(jurisdiction or `unknown`, why it counts in words, the line it rests on, whether for certain)."""


def restricted(dataset: Dataset) -> bool:
    """Whether a dataset may be told only under some jurisdictions.

    An empty list restricts nothing of what is public or internal and about nobody; of anything else it allows nowhere.
    """
    open_to_all = dataset.sensitivity in ("public", "internal") and not dataset.personal and not dataset.special
    return bool(dataset.allowed_jurisdictions) or not open_to_all


def closed_to(facts: Facts, party: str) -> frozenset[str]:
    """The datasets that people of a party are shown no value of: whose law has power over it, for certain or possibly, is none
    that they allow, or is not known.
    """
    certain, possible = facts.standing.lands.get(party, (frozenset[str](), frozenset({UNKNOWN})))
    over = [facts.around.get(land, frozenset((land,))) for land in sorted(certain | possible)]
    return frozenset(
        name
        for name, one in facts.place.datasets.items()
        if restricted(one) and any(around.isdisjoint(one.allowed_jurisdictions) for around in over)
    )


def where_it_counts(case: Case) -> Iterator[Counted]:
    """Every jurisdiction that counts, in a fixed order; the same one may count for several reasons."""
    yield from _over(case, case.recipient.party)
    yield from _endpoint(case)
    yield from _receiving_system(case)
    yield from _agreed_sites(case)
    yield from _handed_on(case)
    yield from _open_route(case)


def _over(case: Case, party: str) -> Iterator[Counted]:
    path = f"parties.{party}"
    if party not in case.facts.standing.lands:
        yield UNKNOWN, f"under which law `{party}` stands is not known", path, False
        return
    certain, possible = case.facts.standing.lands[party]
    for land in sorted(certain):
        yield land, f"`{land}` has power over `{party}`", path, True
    for land in sorted(possible - certain):
        yield land, f"`{land}` may have power over `{party}`", path, False


def _endpoint(case: Case) -> Iterator[Counted]:
    land, path = case.recipient.jurisdiction, f"recipients.{case.recipient_id}.jurisdiction"
    if land == UNKNOWN:
        yield UNKNOWN, f"where recipient `{case.recipient_id}` is is not known", path, False
    else:
        yield land, f"recipient `{case.recipient_id}` is in `{land}`", path, True


def _receiving_system(case: Case) -> Iterator[Counted]:
    system = case.place.systems.get(case.flow.to)
    if system is not None:
        yield from _site(case, system.site, f"`{case.flow.to}` stands", f"systems.{case.flow.to}.site")


def _agreed_sites(case: Case) -> Iterator[Counted]:
    agreement, name = case.agreement, case.flow.agreement
    for k, site in enumerate(agreement.sites if agreement is not None else ()):
        yield from _site(case, site, f"`{name}` lets the data be", f"agreements.{name}.sites[{k}]")


def _site(case: Case, site_id: str, who: str, path: str) -> Iterator[Counted]:
    site = case.place.sites.get(site_id)
    if site is None or not case.facts.stands(site) or site.jurisdiction == UNKNOWN:
        yield UNKNOWN, f"{who} at `{site_id}`, and where that is is not known", path, False
    else:
        yield site.jurisdiction, f"{who} at `{site_id}`, in `{site.jurisdiction}`", path, True


def _handed_on(case: Case) -> Iterator[Counted]:
    agreement, party = case.agreement, case.place.parties.get(case.recipient.party)
    if agreement is not None and agreement.subcontracting == "forbidden":
        return
    path = f"parties.{case.recipient.party}.subprocessors"
    if party is None or party.subprocessors == UNKNOWN:
        yield UNKNOWN, f"whom `{case.recipient.party}` hands work to is not known", path, False
        return
    for k, other in enumerate(party.subprocessors):
        for land, why, _, _ in _over(case, other):
            told = f"{why}, to whom `{case.recipient.party}` may hand it on"
            yield land, told, f"{path}[{k}]", False


def _open_route(case: Case) -> Iterator[Counted]:
    """What passes in the clear can be read on the way; what is sealed, at its ends only."""
    flow, path = case.flow, f"flows.{case.flow_id}.route"
    if flow.protection not in (Protection.NONE, Protection.UNKNOWN):
        return
    certain = flow.protection is Protection.NONE
    if flow.route == UNKNOWN:
        yield UNKNOWN, f"flow `{case.flow_id}` is not known to be sealed, and its route is not known", path, False
        return
    for k, hop in enumerate(flow.route):
        if hop in case.place.jurisdictions:
            yield hop, f"flow `{case.flow_id}` passes `{hop}` unsealed", f"{path}[{k}]", certain
        else:
            yield from ((land, why, f"{path}[{k}]", certain and sure) for land, why, _, sure in _over(case, hop))
