"""The street and the strangers of an exercise: quiet devices that any place may have, and clients that are not honest."""
