"""What an approval covers: a change of control or of scope makes the agreement pending, anything else does not."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from cityward.place.model import Place
from cityward.place.parties import Mechanism, Stake
from cityward.policy.approvals import (
    Approved,
    control_digest,
    control_lines,
    difference,
    is_as_approved,
    parts_changed,
    pending,
    scope_digest,
    scope_lines,
)
from cityward.reach.effective import lands_of
from policy.towns import releasing, with_record

DEAL = "acme-2026"
CONTROL, SCOPE = "who has power over its parties changed", "what it lets leave, to whom or in which form changed"


def approved(place: Place) -> Approved:
    return Approved(control_digest(DEAL, place, lands_of(place)), scope_digest(DEAL, place))


def changed(kind: str, name: str, /, **fields: Any) -> tuple[str, ...]:
    """The parts that a change of one record changes."""
    place = releasing()
    after = with_record(place, kind, name, **fields)
    lands = lands_of(after)
    parts = parts_changed(approved(place), DEAL, after, lands)
    assert is_as_approved(approved(place), DEAL, after, lands) == (parts == ())
    assert pending({DEAL: approved(place), "gone": approved(place)}, after, lands) == ({DEAL} if parts else set())
    return parts


@pytest.mark.parametrize(
    ("kind", "name", "fields"),
    [
        pytest.param("parties", "acme", {"owners": ()}, id="owner gone"),
        pytest.param("parties", "acme", {"owners": (Stake(party="council", share=60),)}, id="another owner"),
        pytest.param("parties", "acme", {"owners": (Stake(party="acme-group", share=49),)}, id="a smaller share"),
        pytest.param(
            "parties", "acme", {"owners": (Stake(party="acme-group", share=60, mechanism=Mechanism.NOMINEE),)}, id="by a nominee"
        ),
        pytest.param("parties", "acme", {"owners": "unknown"}, id="owners not known"),
        pytest.param("parties", "acme-group", {"owners": (Stake(party="council", share=10),)}, id="an owner's owner"),
        pytest.param("parties", "acme-group", {"incorporated_in": "xa"}, id="an owner moved"),
        pytest.param("parties", "acme", {"incorporated_in": "unknown"}, id="home not known"),
        pytest.param("parties", "acme", {"subprocessors": ("acme-group",)}, id="work handed on"),
    ],
)  # fmt: skip
def test_a_change_of_control_makes_it_pending(kind: str, name: str, fields: dict[str, Any]):
    assert changed(kind, name, **fields) == (CONTROL,)


@pytest.mark.parametrize(
    ("kind", "name", "fields"),
    [
        pytest.param("agreements", DEAL, {"purposes": ("planning", "lighting")}, id="another purpose"),
        pytest.param("agreements", DEAL, {"datasets": ("counts", "levels")}, id="another dataset"),
        pytest.param("agreements", DEAL, {"sites": ("yard", "cloud")}, id="another site"),
        pytest.param("agreements", DEAL, {"ends": date(2030, 1, 1)}, id="another term"),
        pytest.param("agreements", DEAL, {"subcontracting": "forbidden"}, id="other sub-contracting"),
        pytest.param("agreements", DEAL, {"form": "late"}, id="another form"),
        pytest.param("flows", "to-acme", {"datasets": ("counts", "levels")}, id="a flow that carries more"),
        pytest.param("flows", "to-acme", {"purpose": "lighting"}, id="re-purposed"),
        pytest.param("flows", "to-acme", {"to": "workbench"}, id="to elsewhere"),
        pytest.param("datasets", "counts", {"release_form": "hourly"}, id="a dataset's form"),
        pytest.param("recipients", "acme-desk", {"by": "live"}, id="by another way"),
        pytest.param("recipients", "acme-desk", {"jurisdiction": "xa"}, id="from another jurisdiction"),
        pytest.param("forms", "late", {"delay_s": 1}, id="a form that is not in use"),
    ],
)  # fmt: skip
def test_a_change_of_scope_makes_it_pending(kind: str, name: str, fields: dict[str, Any]):
    expected = () if kind == "forms" else (SCOPE,)
    assert changed(kind, name, **fields) == expected


def test_a_looser_form_of_the_same_name_is_another_scope():
    place = with_record(releasing(), "recipients", "acme-desk", form="late")
    looser = with_record(place, "forms", "late", delay_s=1)
    assert parts_changed(approved(place), DEAL, looser, lands_of(looser)) == (SCOPE,)


def test_what_is_about_others_changes_nothing():
    assert changed("parties", "council", presence=("xb",)) == ()
    assert changed("flows", "counts-in", purpose="lighting") == ()
    assert changed("datasets", "levels", release_form="late") == ()
    assert changed("parties", "acme", name="Acme plc", note="moved house") == ()


def test_what_was_never_approved_is_not_pending():
    assert pending({}, releasing(), {}) == set()


def test_the_lines_say_who_has_power_and_what_leaves():
    place = releasing()
    assert control_lines(DEAL, place, lands_of(place)) == (
        "`acme-group` holds 60 % of `acme` by ownership",
        "`acme-group` is incorporated in `xb`",
        "`acme` is incorporated in `xb`",
        "`xb` has power over `acme-group`",
        "`xb` has power over `acme`",
    )
    assert scope_lines(DEAL, place) == (
        "`counts` leaves by `to-acme` to `acme-desk`: as it is held",
        "data may be at `yard`",
        "flow `to-acme` carries `counts`",
        "flow `to-acme` is released to `acme-desk` of `acme` by query, in `xb`",
        "flow `to-acme` leads from `cityward` to `acme` for `planning`, protection tls",
        "it ends on no day",
        "it grants `counts`",
        "it is for `planning`",
        "it is with `acme`",
        "it is with `council`",
        "it starts on no day",
        "sub-contracting is allowed",
    )


def test_a_law_that_is_not_known_is_a_line_too():
    assert "`unknown` may have power over `acme`" in control_lines(DEAL, releasing(), {})


def test_what_changed_is_told_line_by_line():
    place = releasing()
    after = with_record(place, "agreements", DEAL, purposes=("planning", "lighting"), ends=date(2026, 12, 31))
    assert difference(scope_lines(DEAL, place), scope_lines(DEAL, after)) == (
        "no longer: it ends on no day",
        "new: it ends 2026-12-31",
        "new: it is for `lighting`",
    )


def test_owners_in_a_circle_are_followed_once():
    circle = with_record(releasing(), "parties", "acme-group", owners=(Stake(party="acme", share=10),))
    assert "`acme` holds 10 % of `acme-group` by ownership" in control_lines(DEAL, circle, lands_of(circle))
