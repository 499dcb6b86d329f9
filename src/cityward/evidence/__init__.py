"""What happened: the kinds of record, the tamper-evident log (RFC 6962 tree, C2SP tiles and signed checkpoints), its verifier.

Pure: storage is behind `adapters/ledgers`, keys behind `adapters/keys`.
"""
