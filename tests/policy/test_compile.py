"""What the rules say of a small town, one thing taken away at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace as with_fields
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from cityward.place.data import Observability, Protection
from cityward.place.model import Place
from cityward.place.release import Aggregate, Form
from cityward.policy.case import Against, Case
from cityward.policy.compile import compile_table
from cityward.policy.contract import Grounds, ReleaseReason
from cityward.policy.table import decide
from cityward.time import to_us
from policy.towns import ASKED, TODAY, answer, releasing, said, standing, table, with_record

R = ReleaseReason


def test_what_was_declared_agreed_and_allowed_may_leave():
    found = answer(releasing())
    assert (found.allowed, found.reasons) == (True, ())
    assert found.grounds == Grounds("acme", "to-acme", "acme-2026", "counts", "planning")


@pytest.mark.parametrize(
    ("kind", "name", "fields", "reason"),
    [
        pytest.param("flows", "to-acme", {"observability": Observability.IMPORTED}, R.NOT_ENFORCED, id="imported"),
        pytest.param("flows", "to-acme", {"from_": "workbench"}, R.UNDECLARED, id="from another system"),
        pytest.param("flows", "to-acme", {"to": "acme-group"}, R.UNDECLARED, id="to another party"),
        pytest.param("flows", "to-acme", {"agreement": None}, R.NO_AGREEMENT, id="no agreement"),
        pytest.param("flows", "to-acme", {"agreement": "gone"}, R.NO_AGREEMENT, id="agreement that is not declared"),
        pytest.param("agreements", "acme-2026", {"parties": ("council",)}, R.NOT_AGREED, id="not its party"),
        pytest.param("agreements", "acme-2026", {"datasets": ()}, R.NOT_AGREED, id="not its dataset"),
        pytest.param("agreements", "acme-2026", {"purposes": ()}, R.NOT_AGREED, id="not its purpose"),
        pytest.param("datasets", "counts", {"personal": True, "allowed_jurisdictions": ("xa", "xb")}, R.NO_BASIS, id="personal"),
        pytest.param("datasets", "counts", {"special": True, "allowed_jurisdictions": ("xa", "xb")}, R.NO_BASIS, id="special"),
        pytest.param("datasets", "counts", {"allowed_jurisdictions": ("xa",)}, R.NOT_ALLOWED_THERE, id="not there"),
        pytest.param("datasets", "counts", {"sensitivity": "restricted"}, R.NOT_ALLOWED_THERE, id="restricted, nowhere"),
        pytest.param("datasets", "counts", {"release_form": "gone"}, R.FAULT, id="a form that is not declared"),
    ],
)  # fmt: skip
def test_one_thing_that_is_wrong_is_the_one_reason(kind: str, name: str, fields: dict[str, object], reason: R):
    assert said(with_record(releasing(), kind, name, **fields)) == {reason}


def test_every_reason_is_told_not_the_first_alone():
    place = with_record(releasing(), "datasets", "counts", personal=True, allowed_jurisdictions=("xa",))
    place = with_record(place, "flows", "to-acme", observability=Observability.INFERRED, agreement=None)
    late = with_fields(ASKED, origin=-1)
    assert answer(place, late, revoked=frozenset({"acme-desk"}), postures=frozenset({"crisis"})).reasons == (
        R.NOT_ENFORCED, R.REVOKED, R.NO_AGREEMENT, R.NOT_ALLOWED_THERE, R.FROM_ELSEWHERE, R.NO_BASIS, R.POSTURE,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "reasons"),
    [
        ({"purpose": "lighting"}, {R.UNDECLARED}),
        ({"dataset": "levels"}, {R.UNDECLARED}),
        ({"dataset": "nothing-of-the-kind"}, {R.UNDECLARED}),
        ({"recipient": "stranger"}, {R.UNDECLARED, R.UNKNOWN_RECIPIENT}),
        ({"origin": -1}, {R.FROM_ELSEWHERE}),
        ({"origin": 1}, set[R]()),
        ({"origin": 2}, {R.FROM_ELSEWHERE}),
    ],
)
def test_what_is_asked_is_held_to_what_is_declared(changed: dict[str, str | int], reasons: set[R]):
    assert said(releasing(), with_fields(ASKED, **changed)) == reasons


def test_who_is_revoked_and_what_is_pending_get_nothing():
    assert said(releasing(), revoked=frozenset({"acme-desk"})) == {R.REVOKED}
    assert said(releasing(), pending=frozenset({"acme-2026"})) == {R.PENDING}
    assert said(releasing(), revoked=frozenset({"other"}), pending=frozenset({"other"})) == set()


# --- the law there


def test_a_member_of_an_allowed_bloc_is_allowed():
    place = releasing(("  xb: {code: XB}", "  xb: {code: XB}\n  union: {code: XUN, kind: bloc, members: [xb]}"))
    assert said(with_record(place, "datasets", "counts", allowed_jurisdictions=("union", "xa"))) == set()


def test_a_part_of_an_allowed_state_is_allowed():
    place = releasing(("  xb: {code: XB}", "  xb: {code: XB, kind: subdivision, parent: xa}"))
    assert said(with_record(place, "datasets", "counts", allowed_jurisdictions=("xa",))) == set()


def test_a_bloc_is_not_allowed_where_only_its_members_are():
    place = releasing(("  xb: {code: XB}", "  xb: {code: XB}\n  union: {code: XUN, kind: bloc, members: [xa, xb]}"))
    place = with_record(place, "datasets", "counts", allowed_jurisdictions=("xa", "xb"))
    assert said(place) == set()
    assert said(with_record(place, "recipients", "acme-desk", jurisdiction="union")) == {R.NOT_ALLOWED_THERE}


def test_a_power_that_is_only_possible_is_not_taken_for_a_pass():
    place = with_record(releasing(), "datasets", "counts", allowed_jurisdictions=("xb", "xa"))
    assert said(place, lands={"acme": (frozenset({"xb"}), frozenset({"xc"}))}) == {R.JURISDICTION_UNKNOWN}
    assert said(place, lands={"acme": (frozenset({"xb"}), frozenset({"xa"}))}) == set()
    assert said(place, lands={}) == {R.JURISDICTION_UNKNOWN}
    assert said(with_record(place, "recipients", "acme-desk", jurisdiction="unknown")) == {R.JURISDICTION_UNKNOWN}


def test_public_data_about_nobody_asks_for_no_jurisdiction():
    assert said(with_record(releasing(), "recipients", "acme-desk", jurisdiction="unknown"), lands={}) == set()


def test_where_the_receiving_system_stands_counts():
    place = with_record(releasing(), "datasets", "counts", allowed_jurisdictions=("xb",))
    assert said(with_record(place, "flows", "to-acme", to="workbench", agreement="acme-2026")) == {R.NOT_ALLOWED_THERE}
    # the workbench stands in the yard, in xa; the agreement lets the data be there too
    place = with_record(place, "datasets", "counts", allowed_jurisdictions=("xb", "xa"))
    assert said(with_record(place, "flows", "to-acme", to="workbench")) == set()
    place = with_record(place, "sites", "yard", valid_to=date(2026, 5, 31))
    assert said(with_record(place, "flows", "to-acme", to="workbench")) == {R.JURISDICTION_UNKNOWN}


def test_whom_the_party_may_hand_it_to_counts_as_possible():
    place = with_record(releasing(), "datasets", "counts", allowed_jurisdictions=("xb", "xa"))
    place = with_record(place, "parties", "acme", subprocessors=("acme-group",))
    lands = {"acme": (frozenset({"xb"}), frozenset[str]()), "acme-group": (frozenset({"xc"}), frozenset[str]())}
    assert said(place, lands=lands) == {R.JURISDICTION_UNKNOWN}
    assert said(with_record(place, "agreements", "acme-2026", subcontracting="forbidden"), lands=lands) == set()
    assert said(with_record(place, "parties", "acme", subprocessors="unknown")) == {R.JURISDICTION_UNKNOWN}


def test_an_open_route_counts_and_a_sealed_one_does_not():
    place = with_record(releasing(), "datasets", "counts", allowed_jurisdictions=("xb",))
    place = with_record(place, "agreements", "acme-2026", sites=())
    place = with_record(place, "flows", "to-acme", route=("xa",))
    assert said(place) == set()
    assert said(with_record(place, "flows", "to-acme", protection=Protection.NONE)) == {R.NOT_ALLOWED_THERE}
    assert said(with_record(place, "flows", "to-acme", protection=Protection.UNKNOWN)) == {R.JURISDICTION_UNKNOWN}
    open_somewhere = with_record(place, "flows", "to-acme", protection=Protection.NONE, route="unknown")
    assert said(open_somewhere) == {R.JURISDICTION_UNKNOWN}


# --- people


def test_personal_data_leaves_on_a_basis_and_special_categories_on_two():
    place = with_record(releasing(), "datasets", "counts", personal=True, allowed_jurisdictions=("xa", "xb"))
    place = with_record(place, "datasets", "counts", basis="public-task")
    assert said(place) == set()
    place = with_record(place, "datasets", "counts", special=True)
    assert said(place) == {R.NO_BASIS}
    assert said(with_record(place, "datasets", "counts", special_basis=" ")) == {R.NO_BASIS}
    assert said(with_record(place, "datasets", "counts", special_basis="Act 12, section 3")) == set()


def special(place: Place) -> Place:
    fields = {"allowed_jurisdictions": ("xa", "xb"), "basis": "public-task", "special_basis": "Act 12"}
    return with_record(place, "datasets", "counts", personal=True, special=True, **fields)


def test_special_categories_leave_in_cells_unless_their_own_form_says_otherwise():
    assert answer(special(releasing())).form.aggregate == Aggregate(least=5, period_s=3600)
    own = with_record(special(releasing()), "datasets", "counts", release_form="late")
    assert answer(own).form == Form(delay_s=900)


def test_the_strictest_of_all_forms_that_apply_holds():
    place = with_record(releasing(), "flows", "to-acme", form="late")
    place = with_record(place, "agreements", "acme-2026", form="hourly")
    assert answer(place).form == Form(aggregate=Aggregate(least=5, period_s=3600), delay_s=900)


# --- term


def at(text: str) -> int:
    return to_us(datetime.fromisoformat(text).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("moment", "reasons"),
    [
        ("2025-12-31T23:59:59.999999", {R.OUT_OF_TERM}),
        ("2026-01-01T00:00:00", set[R]()),
        ("2026-06-30T23:59:59.999999", set[R]()),
        ("2026-07-01T00:00:00", {R.OUT_OF_TERM}),
    ],
)
def test_an_agreement_begins_with_its_first_day_and_ends_with_its_last(moment: str, reasons: set[R]):
    place = with_record(releasing(), "agreements", "acme-2026", starts=date(2026, 1, 1), ends=date(2026, 6, 30))
    assert said(place, with_fields(ASKED, at=at(moment))) == reasons


def test_days_are_those_of_the_zone_given():
    place = with_record(releasing(), "agreements", "acme-2026", ends=date(2026, 6, 30))
    london = ZoneInfo("Europe/London")  # an hour ahead of UTC in summer
    assert answer(place, with_fields(ASKED, at=at("2026-06-30T22:59:59")), london).allowed
    assert answer(place, with_fields(ASKED, at=at("2026-06-30T23:00:00")), london).reasons == (R.OUT_OF_TERM,)


@pytest.mark.parametrize(
    ("kind", "name"),
    [("flows", "to-acme"), ("datasets", "counts"), ("recipients", "acme-desk"), ("agreements", "acme-2026")],
)
def test_a_record_that_no_longer_holds_ends_the_term_too(kind: str, name: str):
    place = with_record(releasing(), kind, name, valid_to=date(2026, 5, 31))
    assert said(place) == {R.OUT_OF_TERM}
    assert said(with_record(releasing(), kind, name, valid_to=date.max)) == set()


# --- postures


@pytest.mark.parametrize(
    "stops",
    [
        {"stop_datasets": ("counts",)}, {"stop_parties": ("acme",)}, {"stop_purposes": ("planning",)},
        {"stop_sensitivity": ("public",)}, {"stop_jurisdictions": ("xb",)},
    ],
    ids=lambda stops: next(iter(stops)),
)  # fmt: skip
def test_a_posture_in_force_stops_what_it_names(stops: dict[str, tuple[str, ...]]):
    place = with_record(releasing(), "postures", "crisis", **{"stop_datasets": (), **stops})
    assert said(place) == set()
    assert said(place, postures=frozenset({"crisis"})) == {R.POSTURE}


def test_a_posture_stops_what_a_jurisdiction_may_have_power_over_too():
    place = with_record(releasing(), "postures", "crisis", stop_datasets=(), stop_jurisdictions=("xc",))
    crisis = frozenset({"crisis"})
    assert said(place, postures=crisis) == set()
    assert said(place, postures=crisis, lands={"acme": (frozenset({"xb"}), frozenset({"xc"}))}) == {R.POSTURE}
    assert said(place, postures=crisis, lands={}) == {R.POSTURE}


def test_a_posture_of_an_area_holds_for_what_is_measured_there():
    place = with_record(releasing(), "postures", "crisis", areas=("quay",))
    crisis = frozenset({"crisis"})
    assert said(place, postures=crisis) == {R.POSTURE}  # counter-1 stands on the quay
    elsewhere = with_record(place, "devices", "counter-1", area="hill")
    assert said(elsewhere, postures=crisis) == set()
    assert answer(elsewhere, postures=crisis).posture == ""
    nowhere = with_record(place, "devices", "counter-1", area=None)
    assert said(nowhere, postures=crisis) == {R.POSTURE}


def test_a_posture_that_stops_nothing_of_it_still_holds_it_to_its_form():
    place = with_record(releasing(), "postures", "crisis", stop_datasets=(), form="late")
    found = answer(place, postures=frozenset({"crisis"}))
    assert (found.allowed, found.form, found.posture) == (True, Form(delay_s=900), "crisis")


def test_a_posture_that_nobody_declared_is_a_no():
    assert said(releasing(), postures=frozenset({"gone"})) == {R.FAULT}


# --- what errs


def test_a_rule_that_errs_is_a_no_and_the_others_are_still_asked():
    def errs(case: Case) -> Iterator[Against]:
        yield Against(R.PENDING, "said before it erred", (), "")
        raise ZeroDivisionError

    place = releasing()
    made = compile_table(place, standing(place), TODAY, rules=(errs,))
    assert set(decide(ASKED, made).reasons) == {R.PENDING, R.FAULT}


def test_no_rules_at_all_are_a_no():
    place = releasing()
    assert decide(ASKED, compile_table(place, standing(place), TODAY, rules=())).reasons == (R.FAULT,)


def test_two_flows_that_carry_the_same_must_both_be_fine():
    twice = """
  to-acme-too:
    from: cityward
    to: acme
    datasets: [counts]
    purpose: planning
    protocol: http
    agreement: acme-2026
    observability: imported
services:"""
    place = releasing(("\nservices:", twice))
    assert said(place) == set()
    both = with_record(place, "recipients", "acme-desk", flows=("to-acme", "to-acme-too"))
    assert said(both) == {R.NOT_ENFORCED}


def test_sizes_count_what_the_table_holds():
    sizes = table(releasing()).sizes
    assert (sizes.recipients, sizes.rows, sizes.allowed) == (1, 1, 1)
    assert table(releasing(), revoked=frozenset({"acme-desk"})).sizes.allowed == 0


def test_the_digest_is_that_of_what_is_said():
    place = releasing()
    assert table(place).digest == table(with_record(place, "flows", "counts-in", name="another name")).digest
    others = [
        table(with_record(place, "agreements", "acme-2026", ends=date(2026, 12, 31))),
        table(place, pending=frozenset({"acme-2026"})),
        table(with_record(place, "recipients", "acme-desk", form="late")),
        table(with_record(place, "recipients", "acme-desk", addresses=("192.0.2.0/24",))),
    ]
    assert len({made.digest for made in (table(place), *others)}) == 1 + len(others)
