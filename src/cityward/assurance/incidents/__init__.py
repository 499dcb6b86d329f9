"""Files of incidents: what happened, to whom, who must be told by when, and what was decided. Folds over the log's entries.

INVARIANT: nothing of a file is stored anywhere else: the same declaration, log and moment give the same file.
"""
