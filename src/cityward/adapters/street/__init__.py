"""The simulated street: the demo city's devices, fed from recorded real data, and lamps that obey.

Here: each device as a client of its own (own credential, own connection) of the real front doors, and the player that gives
each recorded reading its place in the city's week. Not here: anything the platform itself does; the street is outside it.
"""
