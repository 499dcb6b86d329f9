"""Of several forms, the one that tells least: field by field the strictest.

INVARIANTS: order and repetition change nothing, and one form more never makes any field less strict (a join).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from cityward.place.release import Aggregate, Form, ReleaseField

RAW = Form()
"""Nothing is asked: readings leave as they are held."""


def strictest(forms: Iterable[Form]) -> Form:
    """What holds where all of these apply. Names and notes fall away; of no form at all it is `RAW`.

    Cells: the most devices and the longest period. Names change as often as the most restless of the forms that pseudonymise
    asks. What any form drops is dropped.

    >>> strictest([Form(delay_s=60), Form(delay_s=5, watermark=True)]).delay_s
    60
    """
    asked = tuple(forms)
    dropped = {field for form in asked for field in form.drop}
    rotating = [form.rotate_days for form in asked if form.pseudonymise]
    return Form(
        aggregate=_cells([form.aggregate for form in asked if form.aggregate is not None]),
        coarsen_time_s=max((form.coarsen_time_s for form in asked), default=0),
        coarsen_place_m=max((form.coarsen_place_m for form in asked), default=0),
        pseudonymise=bool(rotating),
        rotate_days=min(rotating, default=RAW.rotate_days),
        delay_s=max((form.delay_s for form in asked), default=0),
        drop=tuple(field for field in get_args(ReleaseField) if field in dropped),
        watermark=any(form.watermark for form in asked),
    )


def _cells(asked: list[Aggregate]) -> Aggregate | None:
    if not asked:
        return None
    return Aggregate(least=max(one.least for one in asked), period_s=max(one.period_s for one in asked))


def at_least(form: Form, floor: Form) -> bool:
    """Whether a form is as strict as another in every field."""
    return strictest((form, floor)) == strictest((form,))


def words_of(form: Form) -> dict[str, str]:
    """The form as a receipt and a person read it: only what it asks for.

    >>> words_of(Form(delay_s=60, pseudonymise=True))
    {'pseudonymise': 'devices by a name that changes every 30 days', 'delay': 'nothing younger than 60 s'}
    """
    cells = form.aggregate
    said = {
        "aggregate": f"cells of {cells.least} devices or more, {cells.period_s} s" if cells else "",
        "coarsen_time": f"times to {form.coarsen_time_s} s" if form.coarsen_time_s else "",
        "coarsen_place": f"places to squares of {form.coarsen_place_m} m" if form.coarsen_place_m else "",
        "pseudonymise": f"devices by a name that changes every {form.rotate_days} days" if form.pseudonymise else "",
        "delay": f"nothing younger than {form.delay_s} s" if form.delay_s else "",
        "drop": f"without {', '.join(form.drop)}" if form.drop else "",
        "watermark": "each copy tells whose it is" if form.watermark else "",
    }
    return {what: text for what, text in said.items() if text}
