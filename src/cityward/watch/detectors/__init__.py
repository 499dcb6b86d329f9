"""One folder per detector, with benign and attack samples. Found by scanning; name = id."""
