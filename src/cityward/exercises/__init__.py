"""What if we try it: one file per scenario under `scenarios/`: attack traffic, and what must happen."""
