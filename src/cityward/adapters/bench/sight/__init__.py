"""What is told of pictures, measured on recorded ones: `foreground` (annotated by others), `counting` and `heads` (looked at by a
person, `looked`), `tampering` (made of the clips), `speed`. Does not live here: `insight.sight`, what is measured.
"""

from __future__ import annotations

from cityward.errors import CitywardError


class SightBenchError(CitywardError):
    """The recorded pictures cannot be judged."""
