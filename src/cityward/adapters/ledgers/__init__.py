"""Where the evidence log is kept: `files` writes one role's log, `reading` reads any log's folder without a key.

What an entry is stands in `evidence.records`; what a log is in `evidence.tree`, `tiles` and `checkpoint`.
"""
