"""Declaration -> running city: the only room that chooses adapters. The doors ask here for what touches the world.

`places` reads declarations and ledgers from disk, `home` is the state directory, `roles` builds each process of the city,
`city` starts them all. What only some of them need has a room of its own below.
"""
