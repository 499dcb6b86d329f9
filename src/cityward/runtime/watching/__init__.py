"""The watch, run: what is held and told is shown to the detectors, put on record, and sent to people."""
