"""A council's own map, read from what it has and written as the tiles that the console draws (docs/basemap.md).

`kinds` says what a feature is by its columns, `reading` opens files (GDAL, by pyogrio), `tiling` cuts, `mvt` encodes.
The libraries are the extra `cityward[map]`, imported when a map is made: a running city needs none of them.
"""
