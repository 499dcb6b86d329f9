"""What if: one question about one subject, its answer in words, and what would lessen it, for the terminal and the console.

`asking` puts the question to `reach.blast`, `words` says parts of an answer, `told` says all of it, `steps` are what the city
could do, `lessening` finds the cheapest, `signing` says what a judgement about a proposal means.
"""
