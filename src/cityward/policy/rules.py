"""The rules of release: each one small function over a case, yielding what speaks against it.

A rule never says yes. What no rule speaks against may leave, and only while the agreement runs and from a declared address: these
two hang on the request, so the table keeps them as numbers (`term_of`, and how many addresses there are).

Each reason has one mend; docs/policy.md has them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cityward.place.data import Observability
from cityward.place.hints import listed
from cityward.place.record import UNKNOWN
from cityward.place.release import Posture
from cityward.policy.case import ANYWHERE, Against, Case
from cityward.policy.contract import ReleaseReason
from cityward.policy.law import restricted, where_it_counts

Rule = Callable[[Case], Iterator[Against]]


def passes_here(case: Case) -> Iterator[Against]:
    """The flow begins at the platform and is declared as enforced here."""
    path = f"flows.{case.flow_id}"
    if case.flow.observability is not Observability.ENFORCED:
        what = f"flow `{case.flow_id}` is declared as `{case.flow.observability}`: it does not pass here"
        mend = "mark it `enforced`, if it leaves by this platform"
        yield Against(ReleaseReason.NOT_ENFORCED, what, (f"{path}.observability",), mend)
    if case.place.platform is None or case.flow.from_ != case.place.platform:
        what = f"flow `{case.flow_id}` begins at `{case.flow.from_}`, not at the platform"
        mend = "declare a flow from the platform for this recipient"
        yield Against(ReleaseReason.UNDECLARED, what, (f"{path}.from",), mend)


def leads_to_the_party(case: Case) -> Iterator[Against]:
    """The flow ends at the recipient's party, or at a system that it operates."""
    party, to = case.recipient.party, case.flow.to
    system = case.place.systems.get(to)
    if to != party and (system is None or system.operator != party):
        what = f"flow `{case.flow_id}` leads to `{to}`, which is not `{party}` and not operated by it"
        paths = (f"flows.{case.flow_id}.to", f"recipients.{case.recipient_id}.party")
        yield Against(ReleaseReason.UNDECLARED, what, paths, "name the party that the flow leads to")


def is_agreed(case: Case) -> Iterator[Against]:
    """An agreement with this party grants this dataset for this purpose."""
    agreement, name = case.agreement, case.flow.agreement
    if agreement is None:
        what = f"flow `{case.flow_id}` names no agreement" if name is None else f"there is no agreement `{name}`"
        mend = f"declare what was agreed with `{case.recipient.party}`, and name it in the flow"
        yield Against(ReleaseReason.NO_AGREEMENT, what, (f"flows.{case.flow_id}.agreement",), mend)
        return
    asked = (
        ("parties", case.recipient.party, agreement.parties),
        ("datasets", case.dataset_id, agreement.datasets),
        ("purposes", case.flow.purpose, agreement.purposes),
    )
    for field, wanted, granted in asked:
        if wanted not in granted:
            path = f"agreements.{name}.{field}"
            what = f"agreement `{name}` does not name `{wanted}`; its {field} are {listed(granted) or 'none'}"
            yield Against(ReleaseReason.NOT_AGREED, what, (path,), f"add it to {path}, if that was agreed")


def is_approved(case: Case) -> Iterator[Against]:
    """The agreement stands as it was approved."""
    name = case.flow.agreement or ""
    if name in case.facts.standing.pending:
        what = f"agreement `{name}` is pending: control, purpose or scope changed since it was approved"
        yield Against(ReleaseReason.PENDING, what, (f"agreements.{name}",), "look at what changed, and approve it anew")


def is_not_revoked(case: Case) -> Iterator[Against]:
    """The recipient has a credential that holds."""
    if case.recipient_id in case.facts.standing.revoked:
        what = f"recipient `{case.recipient_id}` has no credential that holds"
        mend = "`cityward recipient add` gives it one"
        yield Against(ReleaseReason.REVOKED, what, (f"recipients.{case.recipient_id}",), mend)


def law_is_allowed(case: Case) -> Iterator[Against]:
    """Every jurisdiction with power over the recipient, or where its copy may lie, is one the dataset allows."""
    if not restricted(case.dataset):
        return
    allowed = frozenset(case.dataset.allowed_jurisdictions)
    path = f"datasets.{case.dataset_id}.allowed_jurisdictions"
    words = listed(case.dataset.allowed_jurisdictions) or "none"
    for land, why, source, certain in where_it_counts(case):
        if land == UNKNOWN:
            what = f"{why}; `{case.dataset_id}` allows {words}"
            yield Against(ReleaseReason.JURISDICTION_UNKNOWN, what, (source, path), "find out, and declare it")
        elif not case.facts.around.get(land, frozenset((land,))) & allowed:
            reason = ReleaseReason.NOT_ALLOWED_THERE if certain else ReleaseReason.JURISDICTION_UNKNOWN
            what = f"{why}; `{case.dataset_id}` allows {words}"
            yield Against(reason, what, (source, path), "send it elsewhere, or allow that jurisdiction")


def has_a_basis(case: Case) -> Iterator[Against]:
    """Personal data leaves on a declared basis, special categories on one of their own too."""
    path = f"datasets.{case.dataset_id}"
    if case.dataset.personal and case.dataset.basis is None:
        what = f"`{case.dataset_id}` is personal and has no declared basis"
        yield Against(ReleaseReason.NO_BASIS, what, (f"{path}.basis",), "declare the lawful basis as `basis`")
    if case.dataset.special and not case.dataset.special_basis.strip():
        what = f"`{case.dataset_id}` is a special category and has no basis of its own"
        mend = "declare on what it rests as `special_basis`"
        yield Against(ReleaseReason.NO_BASIS, what, (f"{path}.special_basis",), mend)


def no_posture_stops_it(case: Case) -> Iterator[Against]:
    """No posture in force stops the dataset, its sensitivity, the party, the purpose, or a jurisdiction with power over it."""
    for name, posture in postures_of(case):
        for field, stopped in _stopped(case, posture):
            what = f"posture `{name}` is in force and stops {stopped}"
            mend = "wait until it ends; those of its `by` may switch it off"
            yield Against(ReleaseReason.POSTURE, what, (f"postures.{name}.{field}",), mend)


def postures_of(case: Case) -> Iterator[tuple[str, Posture]]:
    """The postures in force that have to do with this dataset, by name: those for everywhere, and for an area of it.

    Raises:
        KeyError: a posture is in force that is not declared: nobody can say what it stops.
    """
    areas = case.facts.areas[case.dataset_id]
    for name in sorted(case.facts.standing.postures):
        posture = case.place.postures[name]
        if not posture.areas or ANYWHERE in areas or not areas.isdisjoint(posture.areas):
            yield name, posture


def _stopped(case: Case, posture: Posture) -> Iterator[tuple[str, str]]:
    """(field, what it stops)."""
    if case.dataset_id in posture.stop_datasets:
        yield "stop_datasets", f"`{case.dataset_id}`"
    if case.dataset.sensitivity in posture.stop_sensitivity:
        yield "stop_sensitivity", f"what is {case.dataset.sensitivity}"
    if case.recipient.party in posture.stop_parties:
        yield "stop_parties", f"what goes to `{case.recipient.party}`"
    if case.flow.purpose in posture.stop_purposes:
        yield "stop_purposes", f"what is for `{case.flow.purpose}`"
    lands = frozenset(posture.stop_jurisdictions)
    for land, why, _, _ in where_it_counts(case) if lands else ():
        if land == UNKNOWN or case.facts.around.get(land, frozenset((land,))) & lands:
            yield "stop_jurisdictions", f"what {listed(sorted(lands))} may have power over: {why}"


RULES: tuple[Rule, ...] = (
    passes_here, leads_to_the_party, is_agreed, is_approved, is_not_revoked, law_is_allowed, has_a_basis, no_posture_stops_it,
)  # fmt: skip
"""All of them are asked, and all that they say is told."""
