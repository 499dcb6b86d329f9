"""Registers of cabinets: what the link read (`link`), as a body; and what they mean (`codec`), as the model says."""
