"""Measures the chain: a load generator, a peer to compare with, and what it took of the machine.

Here: traffic from processes of its own, the clock and the processor times beside it, and the peer (Mosquitto, paho, SQLite) as
a council would write it. Not here: the city that is measured (`city.py` says what must be known of it; `compose` starts it).

INVARIANT: a rate is observations durably held and counted, over the time from the first publication to the last one held; a run
whose counts do not balance is an error, not a rate.
"""
