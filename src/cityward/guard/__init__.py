"""The three gates: `admit` (in), `release` (out to a party), `permit` (act on the street).

Each is a pure function of its arguments: no clock, no file, no socket, no chance. What passes is sealed: only this room makes
`Admitted`, `Released` and `Permitted`, and stores, sinks and actuators take nothing else.
"""
