"""One datum's way to its last recipients: `shapes` are told, `way` works them out, `ends` closes them."""
