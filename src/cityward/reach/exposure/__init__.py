"""Exposure: who can reach what, as the least fixpoint of positive Horn clauses over the records of the declaration.

The rules are those of docs/reach.md. `compile` makes clauses of records, `closure` closes them for 64 scenarios a word, `derive`
finds the shortest derivation of one answer, `answers` reads verdicts off. Words are in `reach.telling`.
"""
