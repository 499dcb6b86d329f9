"""The cheapest steps against an answer, for the web door: found by a child process, so that the door goes on answering.

Theory of operation. Trying every step takes a processor for seconds, and a thread would hold the door's interpreter. The child
(`lessening_child`) is given the declaration that runs, so it reads no file and a twin is answered too; it bounds its own memory
and processor time. How many children there are at a time is the door's (`web.turns`).

INVARIANT: whoever waits no longer leaves no child behind.
"""

from __future__ import annotations

import msgspec

from cityward.adapters.works.processes import ProcessWorks
from cityward.compose.asking.lessening_child import Wanted
from cityward.errors import LinkError
from cityward.place.model import Place
from cityward.reach.blast.subjects import Subject
from cityward.reach.whatif.asking import How
from cityward.reach.whatif.lessening import Lessened

CHILD = "cityward.compose.asking.lessening_child"
LONGEST_S = 60.0
"""Four times what the largest place that is measured takes (500 parties: 15 s), as the machine may have other things to do."""


class LesseningDesk:
    """`web.ports.Lessening`. child: the module that is run; longest_s: its time."""

    def __init__(self, child: str = CHILD, longest_s: float = LONGEST_S) -> None:
        self._works, self._longest_s = ProcessWorks(child), longest_s

    async def steps(self, place: Place, how: How, subject: Subject) -> Lessened:
        """The steps; where they are written, as dotted paths.

        Raises:
            LinkError: the child failed, or took too long.
        """
        wanted = msgspec.msgpack.encode(Wanted(place, how, subject))
        try:
            said = await self._works.work("lessening", wanted, self._longest_s)
            return msgspec.msgpack.decode(said, type=Lessened)
        except (LinkError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            what = f"the cheapest steps were not found within {self._longest_s:g} s"
            raise LinkError(what, mend="ask again when the machine has less to do") from error
