"""The one module that opens connections to elsewhere: names are resolved once and checked, deadlines are of the whole exchange.

`resolve` says which addresses an exit leads to, and refuses those that are not declared; `connect` opens, counts and cuts;
`http` is a small client over it; `signing` is the signature of what is posted. Listening sockets, the city's own broker and the
simulated devices are no business of this room.
"""
