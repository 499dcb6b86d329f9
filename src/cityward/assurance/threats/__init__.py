"""What may go wrong where data crosses a boundary: threats made of the declaration, with what the controls say of each.

Does not live here: what a real attacker can (`assurance/actors`), and what happened (`watch`).
"""
