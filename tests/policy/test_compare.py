"""What changes when one table takes another's place."""

from __future__ import annotations

from datetime import date

from cityward.policy.compare import Change, compare
from cityward.policy.contract import ReleaseReason
from cityward.policy.forms import RAW
from policy.towns import releasing, table, with_record

KEY = ("acme-desk", "counts", "planning")


def changes(*pair: object) -> list[tuple[tuple[str, str, str], Change]]:
    return [(one.key, one.change) for one in compare(*pair)]  # type: ignore[arg-type]


def test_tables_that_say_the_same_differ_in_nothing():
    place = releasing()
    assert changes(table(place), table(place)) == []


def test_what_a_posture_stops_is_told_and_opens_again_without_it():
    place = releasing()
    calm, crisis = table(place), table(place, postures=frozenset({"crisis"}))
    assert changes(calm, crisis) == [(KEY, Change.STOPPED)]
    assert changes(crisis, calm) == [(KEY, Change.OPENED)]
    (one,) = compare(calm, crisis)
    assert one.after is not None
    assert one.after.reasons == (ReleaseReason.POSTURE,)


def test_a_posture_that_only_tightens_changes_the_form():
    place = with_record(releasing(), "postures", "crisis", stop_datasets=(), form="late")
    (one,) = compare(table(place), table(place, postures=frozenset({"crisis"})))
    assert (one.key, one.change) == (KEY, Change.OTHER_FORM)
    assert one.before is not None
    assert one.before.form == RAW


def test_another_term_another_reason_and_a_key_that_is_gone_are_told_apart():
    place = releasing()
    shorter = with_record(place, "agreements", "acme-2026", ends=date(2026, 12, 31))
    assert changes(table(place), table(shorter)) == [(KEY, Change.OTHER_TERM)]
    revoked, pending = (
        table(place, **{what: frozenset({of})}) for what, of in (("revoked", "acme-desk"), ("pending", "acme-2026"))
    )
    assert changes(revoked, pending) == [(KEY, Change.OTHER_REASONS)]
    gone = with_record(place, "recipients", "acme-desk", flows=("dim",))
    assert (KEY, Change.STOPPED) in changes(table(place), table(gone))
