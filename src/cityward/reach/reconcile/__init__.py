"""Declared against observed, both ways: what was seen and is not declared, what is declared and was not seen, what differs.

`seen` is what any observer hands in; `ends` traces its two ends to declared things; `protocols` says what was spoken; `matching`
puts each sighting into its one bucket; `judging` gives each declared record its one outcome; `telling` says it in sentences.

Does not live here: reading logs (`adapters.flow_logs`) or a city's state (`compose.asking.observed`), and whether a difference is
an attack (`watch`): here it is told, with both lines, and people find out why.
"""
