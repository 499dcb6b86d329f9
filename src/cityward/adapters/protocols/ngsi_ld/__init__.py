"""NGSI-LD, a first slice (ETSI GS CIM 009): `codec` reads one entity, `batches` splits an upsert, `entities` writes one out.

`units` maps UN/CEFACT unit codes, `identity` the ids. Does not live here: HTTP, and fetching of contexts, which nobody does.
"""
