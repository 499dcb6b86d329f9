"""The street's side of traffic signals, simulated: SUMO runs the streets, and each junction has a controller as a real one would.

Lives here: `cabinet` (one junction's controller, pure), `sensors` (detectors, buttons, vehicles that ask for green), `demand`
(who travels when), `wiring` (which heads belong to which group), `run` (all of it in real time, each device a client of its own).
Does not live here: SUMO itself (`adapters.sumo`), the centre (`services.signals`).
"""
