"""The release gate: what leaves, in which form, and what holds for any rows at all."""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.guard.columns import Coded, coded, digest_of
from cityward.guard.forms import FIELDS, hidden_by, pseudonym
from cityward.guard.ladder import squares, step_us
from cityward.guard.layout import period_us
from cityward.guard.release import Asked, Atoms, RecipientKeys, Refused, Released, Rows, release
from cityward.place.release import Aggregate, Form
from cityward.policy.forms import strictest
from cityward.time import DAY, MINUTE
from releases import KEYS, LATER, NIGHT, NO, hour, laid_out, passed, rows_of, table

TOWN = laid_out()
TWO = rows_of(TOWN, ("meter-01", 1, 20.5), ("meter-04", 2, 21.5))


def test_tells_rows_as_they_are_held_where_nothing_is_asked():
    told = passed(TWO, Form(), TOWN)
    assert table(told) == [
        {
            "device": "meter-01", "property": "air-temperature", "value": 20.5, "unit": "Cel", "observed_at": NIGHT + MINUTE,
            "area": "quay", "longitude": "2.300100", "latitude": "54.900000",
        },
        {
            "device": "meter-04", "property": "air-temperature", "value": 21.5, "unit": "Cel", "observed_at": NIGHT + 2 * MINUTE,
            "area": "hill", "longitude": "2.400000", "latitude": "54.950000",
        },
    ]  # fmt: skip
    assert (told.rows, told.readings, told.since, told.until) == (2, 2, NIGHT + MINUTE, NIGHT + 2 * MINUTE + 1)
    assert told.units.tolist() == [0, 3]


def test_gives_nothing_without_an_allowed_decision():
    found = release(
        TWO, NO, TOWN, recipient="acme-desk", keys=KEYS, now_us=LATER, asked=Asked(0, LATER), told=Atoms.none()
    )
    assert found == Refused("acme-desk", NO)


def test_nobody_else_makes_what_leaves():
    told = passed(TWO, Form(), TOWN)
    with pytest.raises(TypeError, match="only the release gate"):
        replace(told, _seal=object())
    with pytest.raises(TypeError, match="only the release gate"):
        Released("acme-desk", told.decision, told.columns, 2, told.digest, "record", _seal=object())
    with pytest.raises(TypeError, match="evidence"):
        told.seal("")
    assert told.seal("web:7").record == "web:7"


@pytest.mark.parametrize(
    ("rows", "dataset", "other"),
    [
        pytest.param([("lone", 1, 20.0)], "weather", 1, id="its flow does not carry the dataset"),
        pytest.param([("meter-01", 1, 20.0, "illuminance")], "warmth", 1, id="the dataset has not this property"),
        pytest.param([("meter-04", 1, 20.0)], "warmth", 0, id="a flow of this member alone carries it"),
        pytest.param([("meter-01", 1, 20.0)], "unheard-of", 1, id="no such dataset"),
        pytest.param([("meter-01", 1, float("nan"))], "weather", 1, id="no number"),
        pytest.param([("meter-01", -1e8, 20.0)], "weather", 1, id="before our era"),
    ],
)
def test_withholds_what_does_not_belong_to_the_dataset(rows: list[tuple[Any, ...]], dataset: str, other: int):
    assert passed(rows_of(TOWN, *rows), Form(), TOWN, dataset).withheld.other == other


def test_withholds_what_is_doubted_and_what_is_younger_than_the_delay():
    told = passed(TWO, Form(delay_s=60), TOWN, now_us=NIGHT + 2 * MINUTE, suspect=np.array([False, False]))
    assert [row["device"] for row in table(told)] == ["meter-01"]
    assert told.withheld.too_young == 1
    assert passed(TWO, Form(), TOWN, suspect=np.array([True, False])).withheld.suspect == 1


def test_tells_a_device_by_a_name_that_only_its_recipient_sees_and_that_changes():
    rows = rows_of(TOWN, ("meter-01", 1, 20.0), ("meter-01", 27 * 1440, 21.0), ("meter-01", 60 * 1440, 22.0))
    form = Form(pseudonymise=True, rotate_days=30)  # 28 days: the next step that is not longer
    names = {row["value"]: row["device"] for row in table(passed(rows, form, TOWN))}
    epochs = {20.0: 20_000 // 28, 21.0: 20_027 // 28, 22.0: 20_060 // 28}
    for value, epoch in epochs.items():
        said = hmac.new(bytes(range(32)), f"cityward pseudonym 1\n{epoch}\nmeter-01".encode(), "sha256").hexdigest()
        assert names[value] == "p-" + said[:16]
    elsewhere = passed(rows, form, TOWN, keys=RecipientKeys(names=bytes(32), mark=bytes(32)))
    assert not set(names.values()) & {row["device"] for row in table(elsewhere)}


def test_order_does_not_tell_what_the_names_hide():
    rows = rows_of(TOWN, *((f"meter-0{n}", m, float(n)) for n in range(1, 7) for m in (1, 2)))
    told = table(passed(rows, Form(pseudonymise=True), TOWN))
    assert [row["device"] for row in told] == sorted(row["device"] for row in told)


def test_order_does_not_tell_what_coarse_times_hide():
    rows = rows_of(TOWN, ("meter-01", 1, 30.0), ("meter-01", 2, 10.0), ("meter-01", 3, 20.0))
    assert [row["value"] for row in table(passed(rows, Form(coarsen_time_s=3600), TOWN))] == [10.0, 20.0, 30.0]


def test_tells_coarse_times_and_places_and_leaves_out_dropped_fields():
    form = Form(coarsen_time_s=3600, coarsen_place_m=1000, drop=("device", "unit"))
    told = table(passed(rows_of(TOWN, ("meter-01", 61, 20.0), ("meter-02", 62, 21.0)), form, TOWN))
    assert {tuple(row) for row in told} == {("property", "value", "observed_at", "area", "longitude", "latitude")}
    assert {row["observed_at"] for row in told} == {hour(1)}
    assert len({(row["longitude"], row["latitude"]) for row in told}) == 1  # they stand 6 m from each other


def test_withholds_all_where_the_form_leaves_no_field():
    told = passed(TWO, Form(drop=FIELDS), TOWN)  # pyright: ignore[reportArgumentType]
    assert (told.rows, told.columns, told.withheld.other, told.since, told.until) == (0, {}, 2, 0, 0)


def test_a_pseudonym_needs_the_key():
    with pytest.raises(ValueError, match="32 bytes"):
        RecipientKeys(names=b"", mark=bytes(32))
    assert pseudonym("a", 1, bytes(32)) != pseudonym("a", 1, bytes(31) + b"\1")
    assert "00" not in repr(KEYS)


def test_the_digest_is_that_of_the_recipe():
    columns = {"device": coded(np.array([1, 0, 1]), ["b", "a", "unused"]), "value": np.array([1.0, 2.0, -0.5])}
    assert columns["device"] == Coded(columns["device"].codes, ("a", "b"))
    assert columns["device"].tolist() == ["a", "b", "a"]
    # written out by hand: name, 0, number of words, words, one byte each; name, 0, three binary64
    raw = b"device\0" + b"\x02" + bytes(7) + b"a\0b\0" + bytes([0, 1, 0]) + b"value\0"
    raw += bytes.fromhex("000000000000f03f0000000000000040000000000000e0bf")
    assert digest_of(columns) == hashlib.sha256(raw).hexdigest()


# --- for any rows, any form


@st.composite
def some_rows(draw: st.DrawFn) -> Rows:
    channels = len(TOWN.rank)
    wild = st.tuples(
        st.integers(-3, channels + 3),
        st.one_of(st.floats(-40, 50), st.floats(allow_nan=True, allow_infinity=True)),
        st.one_of(st.integers(0, 180), st.integers(-(2**62), 2**62)),
        st.integers(-10, 200),
    )
    said = draw(st.lists(wild, max_size=40))
    at = np.array([m if abs(m) > 200 else NIGHT + m * MINUTE for _, _, m, _ in said], dtype=np.int64)
    return Rows(
        channel=np.array([c for c, _, _, _ in said], dtype=np.int32),
        value=np.array([v for _, v, _, _ in said], dtype=np.float64),
        observed_at=at,
        received_at=at + np.array([late * MINUTE for *_, late in said], dtype=np.int64),
    )


forms = st.builds(
    Form,
    aggregate=st.none()
    | st.builds(Aggregate, least=st.integers(2, 4), period_s=st.sampled_from((60, 900, 3600, 5400))),
    coarsen_time_s=st.sampled_from((0, 1, 45, 600, 3600, 86_400)),
    coarsen_place_m=st.sampled_from((0, 3, 100, 5000)),
    pseudonymise=st.booleans(),
    rotate_days=st.sampled_from((1, 3, 30, 366)),
    delay_s=st.sampled_from((0, 60, 5400)),
    drop=st.sets(st.sampled_from(FIELDS), max_size=3).map(tuple),
    watermark=st.booleans(),
)


@given(some_rows(), forms, st.sampled_from(("weather", "warmth", "no-such")), st.randoms(use_true_random=False))
def test_every_row_is_told_or_withheld_once_and_the_order_of_rows_says_nothing(
    rows: Rows, form: Form, dataset: str, chance: Any
):
    suspect = np.array([chance.random() < 0.2 for _ in range(len(rows))], dtype=np.bool_)
    told = passed(rows, form, TOWN, dataset, suspect=suspect, now_us=NIGHT + 4 * 60 * MINUTE)
    assert told.readings + told.withheld.total == len(rows)
    assert {len(column) for column in told.columns.values()} <= {told.rows}
    assert not set(form.drop) & set(told.columns)
    assert list(told.columns) == [name for name in (*FIELDS, "count") if name in told.columns]
    mixed = np.array(chance.sample(range(len(rows)), len(rows)), dtype=np.int64)
    again = passed(rows.take(mixed), form, TOWN, dataset, suspect=suspect[mixed], now_us=NIGHT + 4 * 60 * MINUTE)
    assert again.digest == told.digest
    assert again.withheld == told.withheld


def exact(form: Form) -> Form:
    """A form as `strictest` gives it: without marks, so that values can be compared."""
    return strictest((replace_form(form, watermark=False),))


@given(some_rows(), forms, forms)
def test_what_a_stricter_form_tells_can_be_worked_out_of_what_a_laxer_one_tells(rows: Rows, lax: Form, more: Form):
    lax = exact(lax)
    strict = exact(strictest((lax, more)))
    layout = laid_out(lax, strict)
    one, other = (table(passed(rows, form, layout, asked=Asked(NIGHT, NIGHT + 56 * DAY))) for form in (lax, strict))
    if strict.aggregate is None:
        assert not Counter(map(words, other)) - Counter(words(coarser(row, strict)) for row in one)
        assert names_follow(one, other, strict)
    elif lax.aggregate is not None:
        merged = merged_cells(one, strict)
        for cell in other:
            total, count = merged[place_of(cell, strict)]
            assert (count, total / count) == (cell["count"], pytest.approx(cell["value"]))


def words(row: dict[str, Any]) -> tuple[Any, ...]:
    """A row without its device, whose names differ from form to form."""
    return tuple(sorted((name, value) for name, value in row.items() if name != "device"))


def coarser(row: dict[str, Any], form: Form) -> dict[str, Any]:
    """What somebody who was told a row can make of it."""
    out = {name: value for name, value in row.items() if name not in hidden_by(form)}
    step = step_us(form.coarsen_time_s)
    if "observed_at" in out and step:
        out["observed_at"] = out["observed_at"] // step * step
    if form.coarsen_place_m and "longitude" in out:
        place = (np.array([float(out["longitude"])]), np.array([float(out["latitude"])]))
        longitude, latitude = squares(*place, form.coarsen_place_m)
        out |= {"longitude": f"{longitude[0]:.6f}", "latitude": f"{latitude[0]:.6f}"}
    return out


def names_follow(one: list[dict[str, Any]], other: list[dict[str, Any]], form: Form) -> bool:
    """Rows that the stricter telling gives one name have one name in the laxer one too, where it tells devices: no new links."""
    if not other or "device" not in other[0]:
        return True
    groups: dict[str, set[str]] = {}
    by_words: dict[Any, set[str]] = {}
    for row in one:
        by_words.setdefault(words(coarser(row, form)), set()).add(row["device"])
    for row in other:
        before = by_words[words(row)]
        if len(before) == 1:  # told by one device alone: whose it is can be said
            groups.setdefault(row["device"], set()).update(before)
    return all(len(names) == 1 for names in groups.values())


def place_of(cell: dict[str, Any], form: Form) -> tuple[Any, ...]:
    return (
        cell["property"],
        cell.get("area") if "area" not in form.drop else None,
        cell["observed_at"] // period_us(form),
    )


def merged_cells(cells: list[dict[str, Any]], form: Form) -> dict[tuple[Any, ...], tuple[float, int]]:
    """Cells put together to those of a stricter form: (sum, count)."""
    out: dict[tuple[Any, ...], tuple[float, int]] = {}
    for cell in cells:
        total, count = out.get(place_of(cell, form), (0.0, 0))
        out[place_of(cell, form)] = (total + cell["value"] * cell["count"], count + cell["count"])
    return out


def replace_form(form: Form, **changed: Any) -> Form:
    return msgspec.structs.replace(form, **changed)
