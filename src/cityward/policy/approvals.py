"""What the approval of an agreement covers: who controls its parties, and what it lets leave.

Both are written as sorted lines of plain words, of which the evidence keeps the SHA-256. When a line changes, the digest does,
and the agreement is pending until somebody looks at it and approves it again. Lines, not digests alone, so that what changed can
be told.

Does not live here: who may approve, and the records (`evidence.records.Approval`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from cityward.place.model import Place
from cityward.place.parties import Stake
from cityward.place.record import UNKNOWN
from cityward.policy.forms import strictest, words_of

Lands = Mapping[str, tuple[frozenset[str], frozenset[str]]]
"""As in `contract.Standing`: party -> (jurisdictions with power over it for certain, possibly)."""

AS_DECLARED = "as declared"
"""In the place of a person: the city began with an agreement in its declaration. That is no decision of anybody."""
MOST_NAMED = 500
"""Parties followed upwards from an agreement; beyond it a line says so: no declaration of sense has as many."""


@dataclass(frozen=True, slots=True)
class Approved:
    """The digests of an approval, as its record holds them."""

    control: str
    scope: str


# --- control


def control_lines(agreement: str, place: Place, lands: Lands) -> tuple[str, ...]:
    """Who has power over the parties of an agreement: by law, by ownership at any height, and by what is handed on.

    The party that answers for the place is left out: it approves.
    """
    parties = [name for name in place.agreements[agreement].parties if name != place.responsible]
    handed = [name for party in parties for name in _handed(place, party)]
    return _sorted(
        line for name in _with_owners(place, [*parties, *handed]) for line in _controlled(place, lands, name)
    )


def control_digest(agreement: str, place: Place, lands: Lands) -> str:
    """SHA-256, hexadecimal, of the control lines."""
    return _digest(control_lines(agreement, place, lands))


def _controlled(place: Place, lands: Lands, name: str) -> Iterator[str]:
    party = place.parties.get(name)
    if party is None:
        yield f"`{name}` is not declared"
        return
    yield f"`{name}` is incorporated in `{party.incorporated_in}`"
    certain, possible = lands.get(name, (frozenset(), frozenset((UNKNOWN,))))
    yield from (f"`{land}` has power over `{name}`" for land in certain)
    yield from (f"`{land}` may have power over `{name}`" for land in possible)
    if party.owners == UNKNOWN:
        yield f"who owns `{name}` is not known"
    else:
        yield from (_held(stake, name) for stake in party.owners)
    yield from (f"`{name}` hands work to `{other}`" for other in _handed(place, name))
    if party.subprocessors == UNKNOWN:
        yield f"whom `{name}` hands work to is not known"


def _held(stake: Stake, party: str) -> str:
    share = "a share that is not known" if stake.share is None else f"{stake.share:g} %"
    return f"`{stake.party}` holds {share} of `{party}` by {stake.mechanism}"


def _handed(place: Place, party: str) -> tuple[str, ...]:
    known = place.parties.get(party)
    return known.subprocessors if known is not None and known.subprocessors != UNKNOWN else ()


def _with_owners(place: Place, parties: Iterable[str]) -> list[str]:
    """Parties and whoever owns them, at any height, each once."""
    found = list(dict.fromkeys(parties))
    for name in found:
        party = place.parties.get(name)
        owners = party.owners if party is not None and party.owners != UNKNOWN else ()
        found += [stake.party for stake in owners if stake.party not in found][: max(0, MOST_NAMED - len(found))]
    return found


# --- scope


def scope_lines(agreement: str, place: Place) -> tuple[str, ...]:
    """What an agreement lets leave: its own terms, the flows that name it, their recipients, and the forms."""
    return _sorted((*_terms(agreement, place), *_flows(agreement, place), *_forms(agreement, place)))


def scope_digest(agreement: str, place: Place) -> str:
    """SHA-256, hexadecimal, of the scope lines."""
    return _digest(scope_lines(agreement, place))


def _terms(agreement: str, place: Place) -> Iterator[str]:
    terms = place.agreements[agreement]
    yield from (f"it is with `{name}`" for name in terms.parties)
    yield from (f"it grants `{name}`" for name in terms.datasets)
    yield from (f"it is for `{name}`" for name in terms.purposes)
    yield from (f"data may be at `{name}`" for name in terms.sites)
    for word, day in (("starts", terms.starts), ("ends", terms.ends)):
        yield f"it {word} {day.isoformat() if day else 'on no day'}"
    yield f"sub-contracting is {terms.subcontracting}"


def _flows(agreement: str, place: Place) -> Iterator[str]:
    for name, flow in place.flows.items():
        if flow.agreement != agreement:
            continue
        yield f"flow `{name}` leads from `{flow.from_}` to `{flow.to}` for `{flow.purpose}`, protection {flow.protection}"
        yield from (f"flow `{name}` carries `{dataset}`" for dataset in flow.datasets)
        for recipient, way in place.recipients.items():
            if name in way.flows:
                yield f"flow `{name}` is released to `{recipient}` of `{way.party}` by {way.by}, in `{way.jurisdiction}`"


def _forms(agreement: str, place: Place) -> Iterator[str]:
    """The form of everything that leaves under it, as it comes out: a looser one is another scope."""
    terms = place.agreements[agreement]
    for name, flow in place.flows.items():
        for recipient, way in place.recipients.items() if flow.agreement == agreement else ():
            for dataset in flow.datasets if name in way.flows else ():
                known = place.datasets.get(dataset)
                named = (known.release_form if known else None, terms.form, flow.form, way.form)
                form = strictest(place.forms[one] for one in named if one in place.forms)
                words = "; ".join(words_of(form).values()) or "as it is held"
                yield f"`{dataset}` leaves by `{name}` to `{recipient}`: {words}"


# --- what changed


def is_as_approved(approved: Approved, agreement: str, place: Place, lands: Lands) -> bool:
    """Whether an agreement stands as it was approved."""
    now = Approved(control_digest(agreement, place, lands), scope_digest(agreement, place))
    return now == approved


def pending(approvals: Mapping[str, Approved], place: Place, lands: Lands) -> frozenset[str]:
    """The agreements that must be approved again: approved once, and no longer as they were.

    What was never approved is not among them: it is for the caller to say whether a first approval is asked for.
    """
    known = {name: one for name, one in approvals.items() if name in place.agreements}
    return frozenset(name for name, one in known.items() if not is_as_approved(one, name, place, lands))


def parts_changed(approved: Approved, agreement: str, place: Place, lands: Lands) -> tuple[str, ...]:
    """Which part changed, in words, from the digests alone."""
    control, scope = control_digest(agreement, place, lands), scope_digest(agreement, place)
    words = ("who has power over its parties changed", "what it lets leave, to whom or in which form changed")
    return tuple(
        text
        for text, same in zip(words, (control == approved.control, scope == approved.scope), strict=True)
        if not same
    )


def difference(before: Iterable[str], now: Iterable[str]) -> tuple[str, ...]:
    """What changed between two sets of lines, in sentences: gone first, then new."""
    was, are = set(before), set(now)
    gone = (f"no longer: {line}" for line in sorted(was - are))
    return (*gone, *(f"new: {line}" for line in sorted(are - was)))


def _sorted(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(lines)))


def _digest(lines: tuple[str, ...]) -> str:
    return hashlib.sha256(msgspec.json.encode(lines)).hexdigest()
