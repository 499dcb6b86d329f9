"""SUMO as a plant of traffic signals: its nets read as declared junctions, its streets run, what came of it scored.

Lives here: `net` (files), `derive` and `lanes` (a net's signals as `place.junctions.Junction`), `scenario` (a folder of SUMO),
`plant` (a running simulation), `run` (one controller on one scenario), `metrics` (what came of it), `baselines`, `attacks`.
libsumo holds one simulation per process, so every run has a process of its own (`child`). Nothing here writes beside the data.
"""
