"""From the log to holding: a worker reads, has it judged, and carries out the verdict."""
