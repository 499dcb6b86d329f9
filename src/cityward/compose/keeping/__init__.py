"""What the city keeps and for how long: datasets, retention, erasing, and the registers of it."""
