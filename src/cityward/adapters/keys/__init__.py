"""The city's own keys: `authority` (certificates, and the keys that sign evidence), `secrets` (what a device proves itself
with, and the hashes the city keeps of it), `commanding` (what actuators know the city's commands by), `bundle` (a simulated
device's secret in its own file), `private` (files that only their owner reads).
"""
