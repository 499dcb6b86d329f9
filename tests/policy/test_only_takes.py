"""What holds of every place: nothing leaves undeclared, a prohibition only takes, and no recipient changes another's answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace as with_fields
from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from cityward.place.data import Observability, Protection
from cityward.place.model import Place
from cityward.place.release import Form, Posture
from cityward.policy.compile import compile_table
from cityward.policy.contract import ReleaseReason, Request
from cityward.policy.forms import at_least
from cityward.policy.table import Table, decide
from policy.random_releases import TODAY, Release, random_release, requests_of
from reach.exposure.random_places import Draw

SEEDS = range(150)
EACH = 25


def compiled(release: Release) -> Table:
    return compile_table(release.place, release.standing, TODAY)


def is_carried(place: Place, request: Request) -> bool:
    """Whether a declared, enforced flow from the platform takes this to the recipient's party for this purpose, by agreement."""
    recipient = place.recipients.get(request.recipient)
    flows = [place.flows[name] for name in recipient.flows if name in place.flows] if recipient else []
    for flow in flows:
        to = place.systems[flow.to].operator if flow.to in place.systems else flow.to
        agreement = place.agreements.get(flow.agreement or "")
        if (
            recipient is not None
            and flow.from_ == place.platform
            and flow.observability is Observability.ENFORCED
            and to == recipient.party
            and request.dataset in flow.datasets
            and request.purpose == flow.purpose
            and agreement is not None
            and to in agreement.parties
            and request.dataset in agreement.datasets
            and request.purpose in agreement.purposes
        ):
            return True
    return False


def test_nothing_leaves_that_no_declared_flow_carries():
    allowed = 0
    for seed in SEEDS:
        release = random_release(seed)
        table = compiled(release)
        for request in requests_of(seed, release.place, EACH):
            if decide(request, table).allowed:
                assert is_carried(release.place, request), (seed, request)
                allowed += 1
    assert allowed > 100


# --- a prohibition only takes


def _each(kind: str, change: Callable[[Draw, object], object]) -> Callable[[Draw, Release], Release]:
    """Changes half of the records of a kind."""

    def taken(draw: Draw, release: Release) -> Release:
        records = dict(getattr(release.place, kind))
        changed = {name: change(draw, record) for name, record in records.items() if draw.chance(0.5)}
        return with_fields(release, place=replace(release.place, **{kind: records | changed}))

    return taken


def _standing(field: str, kind: str) -> Callable[[Draw, Release], Release]:
    def taken(draw: Draw, release: Release) -> Release:
        more = frozenset(draw.some(list(getattr(release.place, kind)), 2, 1))
        standing = with_fields(release.standing, **{field: getattr(release.standing, field) | more})
        return with_fields(release, standing=standing)

    return taken


def fewer_allowed(draw: Draw, dataset: object) -> object:
    """One jurisdiction less, but never none: an empty list restricts nothing of what is open."""
    return replace(dataset, allowed_jurisdictions=dataset.allowed_jurisdictions[:-1] or dataset.allowed_jurisdictions)


def sooner_over(draw: Draw, agreement: object) -> object:
    return replace(agreement, ends=min(agreement.ends or date.max, TODAY - timedelta(days=1)))


def later_begun(draw: Draw, agreement: object) -> object:
    return replace(agreement, starts=max(agreement.starts or date.min, TODAY + timedelta(days=1)))


def doubted(draw: Draw, release: Release) -> Release:
    lands = {name: (certain, possible | frozenset(release.place.jurisdictions) - certain) for name, (certain, possible)
             in release.standing.lands.items()}  # fmt: skip
    return with_fields(release, standing=with_fields(release.standing, lands=lands))


def forgotten(draw: Draw, release: Release) -> Release:
    return with_fields(release, standing=with_fields(release.standing, lands={}))


def stricter_posture(draw: Draw, release: Release) -> Release:
    posture = Posture(by=("officer",), stop_purposes=("aim",), form="late")
    place = replace(release.place, postures={**release.place.postures, "post9": posture})
    standing = with_fields(release.standing, postures=release.standing.postures | {"post9"})
    return Release(place, standing)


TAKEN: dict[str, Callable[[Draw, Release], Release]] = {
    "revoked": _standing("revoked", "recipients"),
    "pending": _standing("pending", "agreements"),
    "posture": _standing("postures", "postures"),
    "another posture": stricter_posture,
    "doubted": doubted,
    "law not known": forgotten,
    "fewer jurisdictions": _each("datasets", fewer_allowed),
    "basis gone": _each("datasets", lambda _, one: replace(one, basis=None, special_basis="")),
    "more secret": _each("datasets", lambda _, one: replace(one, sensitivity="secret")),
    "special": _each("datasets", lambda _, one: replace(one, special=True, special_basis="")),
    "shorter term": _each("agreements", sooner_over),
    "later start": _each("agreements", later_begun),
    "fewer purposes": _each("agreements", lambda _, one: replace(one, purposes=one.purposes[1:])),
    "fewer datasets": _each("agreements", lambda _, one: replace(one, datasets=one.datasets[1:])),
    "other parties": _each("agreements", lambda _, one: replace(one, parties=one.parties[1:])),
    "not enforced": _each("flows", lambda _, one: replace(one, observability=Observability.IMPORTED)),
    "unsealed": _each("flows", lambda _, one: replace(one, protection=Protection.NONE)),
    "no agreement": _each("flows", lambda _, one: replace(one, agreement=None)),
    "fewer flows": _each("recipients", lambda _, one: replace(one, flows=one.flows[:1])),
    "nowhere": _each("recipients", lambda _, one: replace(one, jurisdiction="unknown")),
    "held to a form": _each("recipients", lambda _, one: replace(one, form="strict")),
}
NOT_A_PROHIBITION = {"fewer flows"}  # of two flows that carry the same both must be fine, so that one less may open
SAYS_IT_OTHERWISE = {"more secret", "nowhere", "law not known", "no agreement", "unsealed"}
"""These replace one reason by another: what was not allowed there is not known, what was not agreed has no agreement."""


@pytest.mark.parametrize("name", sorted(TAKEN.keys() - NOT_A_PROHIBITION))
def test_a_prohibition_only_takes(name: str):
    took = 0
    for seed in SEEDS:
        release = random_release(seed)
        forms = {**release.place.forms, "strict": Form(delay_s=3600, pseudonymise=True, rotate_days=1, watermark=True)}
        release = with_fields(release, place=replace(release.place, forms=forms))
        before, after = compiled(release), compiled(TAKEN[name](Draw(seed), release))
        for request in requests_of(seed, release.place, EACH):
            was, now = decide(request, before), decide(request, after)
            assert not now.allowed or was.allowed, (seed, request)
            assert set(was.reasons) <= set(now.reasons) or name in SAYS_IT_OTHERWISE, (seed, request)
            if now.allowed and was.allowed:
                assert name not in ("another posture", "held to a form") or at_least(now.form, was.form)
            took += was != with_fields(now, rules=was.rules)
    assert took > 0


def test_less_to_ask_for_gives_no_more_to_anybody_who_asks_for_one_thing_once():
    """As above for flows taken away, where no two of a recipient carry the same."""
    for seed in SEEDS:
        release = random_release(seed)
        single = {
            name: replace(one, flows=_apart(release.place, one.flows)) for name, one in release.place.recipients.items()
        }
        release = with_fields(release, place=replace(release.place, recipients=single))
        before, after = compiled(release), compiled(TAKEN["fewer flows"](Draw(seed), release))
        for request in requests_of(seed, release.place, EACH):
            assert not decide(request, after).allowed or decide(request, before).allowed


def _apart(place: Place, flows: tuple[str, ...]) -> tuple[str, ...]:
    kept: dict[tuple[str, str], str] = {}
    for name in (name for name in flows if name in place.flows):
        keys = [(dataset, place.flows[name].purpose) for dataset in place.flows[name].datasets]
        if not any(key in kept for key in keys):
            kept |= dict.fromkeys(keys, name)
    return tuple(dict.fromkeys(kept.values()))


def test_an_empty_list_of_jurisdictions_opens_what_is_open_and_closes_the_rest():
    opened = 0
    for seed in SEEDS:
        release = random_release(seed)
        emptied = {name: replace(one, allowed_jurisdictions=()) for name, one in release.place.datasets.items()}
        before, after = (
            compiled(release),
            compiled(with_fields(release, place=replace(release.place, datasets=emptied))),
        )
        for request in requests_of(seed, release.place, EACH):
            if decide(request, after).allowed:
                dataset = release.place.datasets[request.dataset]
                assert dataset.sensitivity in ("public", "internal")
                assert not dataset.personal
                opened += not decide(request, before).allowed
    assert opened > 0


# --- nobody changes another's answers


def test_a_recipient_more_changes_no_answer_to_another():
    for seed in SEEDS:
        release = random_release(seed)
        draw = Draw(seed)
        twin = replace(draw.one([*release.place.recipients.values()]), addresses=("192.0.2.99",), form=None)
        more = replace(release.place, recipients={"way-more": twin, **release.place.recipients})
        before, after = compiled(release), compiled(with_fields(release, place=more))
        for request in requests_of(seed, release.place, EACH):
            now = decide(request, after)
            assert with_fields(now, rules=before.digest) == decide(request, before)


# --- what is not declared


KINDS = (
    "parties",
    "jurisdictions",
    "agreements",
    "sites",
    "systems",
    "devices",
    "datasets",
    "flows",
    "forms",
    "postures",
)


def test_a_place_of_which_records_are_gone_still_compiles_and_lets_nothing_undeclared_leave():
    """The loader lets no such place through; the table does not rest on that."""
    faults = 0
    for seed in SEEDS:
        release, draw = random_release(seed), Draw(seed)
        kept = {
            kind: {name: one for name, one in getattr(release.place, kind).items() if not draw.chance(0.15)}
            for kind in KINDS
        }
        table = compiled(with_fields(release, place=replace(release.place, **kept)))
        for request in requests_of(seed, release.place, EACH):
            found = decide(request, table)
            assert not found.allowed or is_carried(release.place, request)
            faults += ReleaseReason.FAULT in found.reasons
    assert faults > 0


@pytest.mark.parametrize("kind", ["parties", "agreements", "sites", "systems", "datasets", "forms", "postures"])
def test_a_record_that_is_gone_gives_nobody_more(kind: str):
    """Not so of flows in and of devices: what is no longer measured in an area is no longer stopped there."""
    for seed in SEEDS:
        release, draw = random_release(seed), Draw(seed)
        kept = {name: one for name, one in getattr(release.place, kind).items() if not draw.chance(0.3)}
        before, after = compiled(release), compiled(with_fields(release, place=replace(release.place, **{kind: kept})))
        for request in requests_of(seed, release.place, EACH):
            assert not decide(request, after).allowed or decide(request, before).allowed, (seed, request)
