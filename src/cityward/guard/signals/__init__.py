"""The guard of traffic signals: what may be shown (`sequencer`), what was shown (`monitor`), what may be commanded (`gate`).

`colours` and `rules` are the words all three share; `priority` says whose request for green is believed. Wiring: ADR 16.
"""
