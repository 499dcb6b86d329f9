"""Derivations in words: `sentences` tells one, with a template for each rule in `law`, `things` and `data`."""
