"""Blast radius: what degrades and fails, when, and for whom, if something goes dark, is cut off, turns, or may not be dealt with.

```
cascade = compile_cascade(place)                                    # wiring: once per place
dark(place, cascade, [subject_named(place, "dogger-grid")])         # scenarios: one Blast; two, by axis, for a jurisdiction
cut(place, cascade, [subject_named(place, "flow:counts-in")])       # scenarios: and which data no longer arrive
sanctioned(place, cascade, "northlight")                            # sanctioned: what ends, what remains, what to get back
hostile(place, cascade, exposure, "northlight")                     # hostile: what it reaches, misleads and stops
failure_points(place, cascade)                                      # points: singles and pairs
redundancy_between(place, cascade, changed, changed_cascade)        # redundancy: what a change makes fail, and no longer
concentration(place, cascade)                                       # concentration: shares by party, group, country; `top`
```

`timeless` asks for every fall at once, without hours; `alone` tries candidates on it. `citizens` counts people, `lost` follows
flows, `outcome` makes the records that are told. Certain and possible effects are kept apart everywhere, as in `reach/exposure`.
"""
