"""Lamps behind a TALQ-style gateway: `objects` are what is said, `gateway` says it through the one door outward.

TALQ is a trade mark of the TALQ Consortium. This imports and exports TALQ-style objects; it is neither certified nor
endorsed by it. Source: the consortium's published interface descriptions (BSD-3-Clause): the gateway's of 2.7.1, and the data
model's of 2.2.0; the names used here were not compared with a later data model.
"""
