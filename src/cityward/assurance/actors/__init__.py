"""Actors as data: what somebody could do, held against what reaches this place, what stops it, and when that was last tried.

Cityward ships no actor and judges none: profiles are what an assessor of the city wrote down or was given.
"""
