"""Flow logs of others: a firewall's CSV, Zeek's `conn.log` as tab-separated text or JSON lines, plain or gzipped.

A log is read once, line by line, into distinct tuples of who spoke to whom by what, so that a million lines take seconds and no
more memory than there are tuples. `reading` is the door.

INVARIANTS
- `lines == kept + bad + beyond + strangers_beyond`: a line is counted into a tuple, told as bad, or counted as beyond a bound.
  None is lost silently, and what passes between strangers takes no room from what is declared.
- Whatever the bytes, only `DecodeError` is raised, or `LinkError` where the file cannot be read.
"""
