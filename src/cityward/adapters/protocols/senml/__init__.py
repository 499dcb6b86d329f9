"""SenML packs in JSON (RFC 8428).

`codec` joins the two readers: `plain`, fast, for what nearly all packs are, and `resolve`, all the rules, for the rest.
`names` says which channel is meant.
"""
