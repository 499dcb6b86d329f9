"""The history as releasing reads it: what was committed since, and what was observed in a span.

Implements `runtime.releasing.ports.HeldRows` over the table that `history` writes and `tail` follows.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError
from numpy.typing import NDArray

from cityward.adapters.bus.config import PARTITIONS
from cityward.adapters.stores.parts import Names, Shelf
from cityward.adapters.stores.tail import HistoryTail
from cityward.errors import LinkError
from cityward.guard.release import Rows
from cityward.place.registry import Registry
from cityward.runtime.watching.ports import HistoryAt

_COLUMNS = ("device", "property", "observed_at", "value", "seq")


class DeltaHeldRows:
    """`runtime.releasing.ports.HeldRows` over a Delta table at `uri`."""

    def __init__(self, uri: str, registry: Registry, options: Mapping[str, str] | None = None) -> None:
        self._tail = HistoryTail(uri, registry, options=options)
        self._shelf, self._names = Shelf(uri, options), Names.of(registry, PARTITIONS)

    def newest(self) -> HistoryAt:
        """See the port."""
        return self._tail.newest()

    def newer(self, after: HistoryAt, most: int) -> tuple[HistoryAt, Rows]:
        """See the port."""
        tailed = self._tail.next(after, most)
        held = tailed.held
        return tailed.at, Rows(held.channel, held.value, held.observed_at, held.received_at)

    def span(
        self, channels: NDArray[np.bool_], since_us: int, until_us: int, most: int, *, came: bool
    ) -> tuple[Rows, int]:
        """See the port."""
        try:
            return self._span(channels, since_us, until_us, most, came)
        except TableNotFoundError:
            return _NOTHING, until_us
        except (OSError, DeltaError, pl.exceptions.PolarsError) as error:
            mend = "see that the history's folder can be read"
            raise LinkError(f"the history could not be read: {error}", where=self._shelf.uri, mend=mend) from error

    def _span(
        self, channels: NDArray[np.bool_], since_us: int, until_us: int, most: int, came: bool
    ) -> tuple[Rows, int]:
        parts = self._parts(since_us, until_us)
        if not parts or since_us >= until_us:
            return _NOTHING, until_us
        at = pl.col("observed_at").dt.epoch("us")
        scanned = (
            self._shelf.scan(parts)
            .select([*_COLUMNS, *(["received_at"] if came else [])])
            .filter((at >= since_us) & (at < until_us))
        )
        wanted = self._names.key.filter(pl.Series(channels[self._names.key["channel"].to_numpy()])).lazy()
        chosen = scanned.join(wanted, on=["device", "property"], how="inner")
        frame = chosen.sort("observed_at", "channel", "seq").head(most + 1).collect()
        until = until_us
        if len(frame) > most:  # all of the moment at which it was cut belongs to the next
            edge = int(frame["observed_at"].to_physical()[most])
            first = int(frame["observed_at"].to_physical()[0])
            until = edge if edge > first else first + 1
            whole = chosen.filter(at == first).sort("channel", "seq")
            frame = frame.filter(at < edge) if edge > first else whole.collect()
        return Rows(
            channel=frame["channel"].to_numpy().astype(np.int32),
            value=frame["value"].to_numpy(),
            observed_at=frame["observed_at"].to_physical().to_numpy(),
            received_at=frame["received_at"].to_physical().to_numpy() if came else None,
        ), until

    def _parts(self, since_us: int, until_us: int) -> list[str]:
        options = dict(self._shelf.options) if self._shelf.options else None
        listed = pl.DataFrame(DeltaTable(self._shelf.uri, storage_options=options).get_add_actions(flatten=True))
        if listed.is_empty():
            return []
        high, low = pl.col("max.observed_at").dt.epoch("us"), pl.col("min.observed_at").dt.epoch("us")
        return listed.filter((high >= since_us) & (low < until_us))["path"].to_list()


_NOTHING = Rows(np.empty(0, dtype=np.int32), np.empty(0), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
