"""One file per scenario. Found by scanning; name = id."""
