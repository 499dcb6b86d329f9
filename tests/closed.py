"""What an exposure answers, by name: to compare models that may number differently."""

from __future__ import annotations

import numpy as np

from cityward.reach.exposure.answers import Exposure


def answers(exposure: Exposure) -> list[set[tuple[str, str, str, int, int]]]:
    """What holds, in each bound: (predicate, subject, mode, number of a word, the word)."""
    found = []
    for words in (exposure.lower, exposure.upper):
        rows = np.array(exposure.answered)
        kept = rows[words[rows].any(axis=1)] if len(rows) else rows
        known = exposure.model.nodes.known
        found.append(
            {(*known[i], k, int(word)) for i in kept.tolist() for k, word in enumerate(words[i].tolist()) if word}
        )
    return found
