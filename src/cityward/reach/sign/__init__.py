"""May we sign this: a proposal weighed against the place as it is by the house rules, and what would help.

`whatif` compares a place with the same place and a proposal, `changes` are what could be asked for instead, `search` finds the
fewest, `hardening` ranks what the city could do by itself.
"""
