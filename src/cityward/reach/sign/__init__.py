"""May we sign this: house rules judged, a proposal weighed against the place as it is, and what would help.

`truth` is how far a condition holds, `standing` who stands how to what, `ownership` who holds whom; `conditions` and `spread`
judge one condition, `rules` whole rules, `why` tells what a finding rests on. `whatif` compares a place with the same place and a
proposal, `changes` are what could be asked for instead, `hardening` ranks controls of the place as it is.
"""
