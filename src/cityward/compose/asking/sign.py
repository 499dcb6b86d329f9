"""A proposal read and judged, and the answer put on record."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from zoneinfo import available_timezones

from cityward.adapters.files import read_from
from cityward.adapters.keys.authority import signing_key
from cityward.adapters.ledgers.files import FileLedger
from cityward.compose.files import writing
from cityward.compose.home import Home
from cityward.compose.places import ROOT_FILE, check_services
from cityward.errors import PlaceError
from cityward.evidence.records import Signing
from cityward.place.loader import Proposed, load_with
from cityward.reach.sign.facts import take_over
from cityward.reach.sign.report import keys_of
from cityward.reach.sign.whatif import Judgement, judge

ROLE = "decisions"
"""The ledger of decisions that people put on record; its own, so that it can be written while the city runs."""
MOST_KEPT = 200  # of each list in a record: an entry holds 65 535 bytes


def load_proposal(place: Path, proposal: Path) -> Proposed:
    """A declaration, and the same with a proposal laid over.

    Raises:
        PlaceErrors: all that is wrong with the one; with that mended, with the other.
        PlaceError: one of the two is not there.
    """
    _root_of(place)
    try:
        raw = read_from(proposal.parent)(proposal.name)
    except OSError as error:
        mend = "name a YAML file with the agreement and what it brings"
        raise PlaceError(f"cannot read `{proposal}`: {error.strerror}", mend=mend) from None
    return load_proposal_given(place, proposal.name, raw)


def _root_of(place: Path) -> Path:
    root = place / ROOT_FILE if place.is_dir() else place
    if not root.is_file():
        raise PlaceError(
            f"there is no declaration at {place}", mend=f"name a folder with a {ROOT_FILE}, or a YAML file"
        )
    return root


def load_proposal_given(place: Path, name: str, raw: bytes) -> Proposed:
    """The same of a proposal that lies in no file; `name` is what its lines are told under.

    Raises:
        PlaceErrors, PlaceError: as in `load_proposal`.
    """
    root = _root_of(place)
    given = load_with(root.name, read_from(root.parent), name, raw, available_timezones())
    check_services(given.proposed)
    return given


def judged(place: Path, proposal: Path, day: date) -> tuple[Proposed, Judgement]:
    """Whether a proposal may be signed, as declared for a day."""
    given = load_proposal(place, proposal)
    return given, judge(given, day)


def judged_given(place: Path, name: str, raw: bytes, day: date) -> tuple[Proposed, Judgement]:
    """The same of a proposal that lies in no file."""
    given = load_proposal_given(place, name, raw)
    return given, judge(given, day)


def put_on_record(state: Path, proposal: str, place: str, judgement: Judgement, decided_by: str, at_us: int) -> str:
    """Append the answer to the city's ledger of decisions.

    Args:
        state: the city's state directory.
        proposal: the proposal's file name.
        place: the id of the place.
        judgement: as judged.
        decided_by: who puts it on record.
        at_us: when, in microseconds.

    Returns:
        The entry's id.

    Raises:
        LinkError: it cannot be written there.
    """
    home = Home(state)
    home.prepare()
    with (
        writing(state),
        FileLedger(home.ledger(ROLE), f"{place}/{ROLE}", signing_key(home.keys, f"ledger-{ROLE}")) as ledger,
    ):
        return ledger.append([record_of(proposal, judgement, decided_by, at_us)])[0]


def record_of(proposal: str, judgement: Judgement, decided_by: str, at_us: int) -> Signing:
    """What is kept of a judgement: all that it follows from, and what it said."""
    inputs, facts = judgement.inputs, judgement.facts
    lists = {
        "broken": keys_of(judgement.broken),
        "possibly": keys_of(judgement.possibly),
        "conditions": (*([take_over(facts)] if facts else []), *(change.told for change in judgement.conditions)),
        "find_out": judgement.find_out,
        "accept": keys_of(judgement.accept),
    }
    return Signing(
        at=at_us,
        by=ROLE,
        proposal=proposal,
        verdict=judgement.verdict,
        decided_by=decided_by,
        day=inputs.day.isoformat(),
        base=inputs.base,
        overlay=inputs.overlay,
        proposed=inputs.proposed,
        rules=inputs.rules,
        instruments=inputs.instruments,
        counts={name: len(those) for name, those in lists.items()},
        **{name: those[:MOST_KEPT] for name, those in lists.items()},
    )
