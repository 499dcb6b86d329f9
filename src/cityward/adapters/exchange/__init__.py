"""Other tools' files: what comes in (`imports`) and what goes out (`exports`), one module per format.

Does not live here: reading and writing files on disk (`compose.asking.exchange`), and what a declaration means (`place`).
"""
