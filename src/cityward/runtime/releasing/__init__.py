"""From what is held to whoever may have it: followed, handed over, refused on record."""
