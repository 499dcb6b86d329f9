"""The running chain: supervises, schedules, carries out what the pure rooms decided; and the ports to the outside world.

`ports` says what the chain needs of the world; `adapters` gives it. The event loop lives here.
"""
