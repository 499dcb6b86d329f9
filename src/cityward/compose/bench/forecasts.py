"""`cityward bench services forecasts`: forecasts on recorded series, see `adapters.bench.forecasts`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from cityward.adapters.bench.forecasts import forecast_tables
from cityward.adapters.bench.tables import Table
from cityward.insight.forecast.models import Fit


def run_bench_forecasts(
    data: Path,
    tell: Callable[[str], None],
    *,
    los_judged: Path | None = None,
    only: Sequence[str] = (),
    library: bool = False,
) -> Sequence[Table]:
    """Measure; with the library's model where asked for.

    Raises:
        LinkError: the data, or the library, are not there.
    """
    more: dict[str, Fit] = {}
    if library:
        from cityward.adapters.forecasters.boosting import fit_boosted  # noqa: PLC0415 - an extra

        more["boosted"] = fit_boosted
    return tuple(forecast_tables(data, tell, los_judged=los_judged, only=only, more=more))
