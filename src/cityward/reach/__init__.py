"""What follows from the declaration: the data chains of a place, and their picture as a layout.

Lives here: `chains` (which way data goes), `picture` (where a drawing puts it). Pure: a declaration in, values out.
Does not live here: enforcement (`policy`, `guard`), and how a picture is written down (`web.chain_svg`, the console).
"""
