"""What is taken back: rows marked, derived again or erased, and what they touched."""
