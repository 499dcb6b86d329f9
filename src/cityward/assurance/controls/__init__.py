"""One file per control, with its metadata, its false positives, one example to avoid and one to prefer."""
