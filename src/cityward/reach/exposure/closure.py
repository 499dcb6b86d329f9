"""The least fixpoint of clauses, for 64 scenarios a word."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cityward.reach.exposure.clauses import Clauses


def close(
    clauses: Clauses, nodes: int, seeds: Sequence[int], enabled: NDArray[np.bool_] | None = None
) -> NDArray[np.uint64]:
    """Which nodes hold in which scenario.

    Args:
        clauses: C clauses.
        nodes: how many nodes there are, N.
        seeds: the node that each of S scenarios begins from; -1 for one that begins from nothing.
        enabled: (C,) which clauses count; all where left out.

    Returns:
        (N, W) words, W = ceil(S / 64): bit s % 64 of word s // 64 says that the node holds in scenario s.
    """
    raise NotImplementedError
