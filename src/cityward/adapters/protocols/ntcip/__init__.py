"""Signal controllers that speak in NTCIP 1202's objects: names and numbers (`objects`), what they report (`codec`), and a wished
stage as the objects that ask for it (`orders`). No SNMP here: what carries varbinds hands them over as JSON (docs/ntcip.md).
"""
