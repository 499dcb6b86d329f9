"""What follows from the declaration: the data chains of a place, and their picture as a layout.

Lives here: `chains` (which way data goes), `picture` (where a drawing puts it), `chain_svg` (the drawing as text). Pure: a
declaration in, values out.
Does not live here: enforcement (`policy`, `guard`), and pan and zoom of a picture (the console).
"""
