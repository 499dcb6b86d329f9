"""What the city declares: the record kinds as strict types, the loader with good errors, the compiled registry.

Lives here: one module per family of records (`parties`, `things`, `data`, `services`), the whole (`model`), reading and
judging it (`loader`, `checks`, `schema`), and the numbering of devices and channels the running chain works with (`registry`).
Does not live here: files (the loader is given a `read` callable), reach, enforcement.

INVARIANT: a Place that left `loader.load` without errors has no dangling reference and no unknown field.
"""
