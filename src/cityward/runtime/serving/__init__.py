"""The services, run: shown the city, asked for their turn, and what is kept of what they said."""
