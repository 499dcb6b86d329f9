"""Attacks tried on a twin of the city: the twin, its quiet street, hands that carry plans out, eyes, the record (ADR 19)."""
