"""The outside world: the bus, the protocols, stores, ledgers, keys, the simulated street. All input and output is here.

Only `compose` imports this room; everything else meets it through the ports in `runtime.ports` and `web.ports`.
"""
