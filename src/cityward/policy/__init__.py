"""May it leave? The declaration and its standing, compiled to a finite table; a request is one lookup in it.

Lives here: the question and its answer (`contract`), the rules (`rules`, over a `case`), the table they become (`compile`,
`table`), which form holds (`forms`), an answer in sentences (`explain`), what an approval covers (`approvals`), and the same
rules in Cedar, written a second time from the declaration (`cedar`). Does not live here: what is done to the rows
(`guard.release`), and who has power over whom (`reach.effective`; it is an input).

INVARIANTS
- What no declared flow carries is not in the table, and what is not in the table is a no.
- A rule that errs is a no; no rules at all are a no.
- A revocation, a pending agreement, a posture, a shorter list or term takes; none of them ever gives.
- `decide` answers every request: it raises nothing.
"""
