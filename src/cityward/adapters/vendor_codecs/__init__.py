"""Payload codecs that vendors wrote: JavaScript that nobody here has read, run where it can do nothing but answer.

Lives here: the child that runs them (`child`), what is said between it and us (`exchange`), and the side that asks, waits and
kills (`host`). Does not live here: what an answer means (`protocols.lorawan`), which script a model has (`place`).

INVARIANTS
- A script sees its input and nothing else: no file, no socket, no process, no other device's bytes: each call begins with a fresh
  interpreter.
- A call that takes too long, too much memory or too many words costs that call alone.
- What a script says is foreign: it is read as any body from outside is.
"""
