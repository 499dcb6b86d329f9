"""Where things are held: observations in Delta tables (`history`), all that changes in one SQL database (`database`).

`history` stands on `parts` (one Parquet file of the table) and is kept tidy by `compaction`. Over one `database` stand
`state`, `readings`, `commands`, `credentials` and `sessions`; their tables are in `schema`. See docs/stores.md.
"""
