"""House rules, judged over a place on a day.

`truth` is how far a condition holds, `standing` the place looked up as conditions ask, `holders` who has which role, `ownership`
who holds whom; `conditions`, `party_conditions`, `granted_conditions` and `spread` judge one condition, `judging` whole rules,
`why` tells what a finding rests on, `told` says it, `rulebook` says of every rule whether it is kept.

Does not live here: what a rule may say (`place.house_rules`), and what a proposal would break (`sign`).
"""
