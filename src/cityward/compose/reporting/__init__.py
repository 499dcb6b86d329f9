"""The report of a city: gathered, put into forms, signed, on record, read again. What it says is `assurance/reporting`'s."""
