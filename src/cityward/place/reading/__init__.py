"""From bytes to a tree of what they declare, each node with its file and line, and what is wrong with the tree.

`source` reads one file, `merging` all of them into one tree, `shapes` and `references` judge it field by field, `overlay` lays a
proposal over it, `origins` tells where things are.

Does not live here: whether the whole holds together (`checks`), and the way through all of this (`loader`).
"""
