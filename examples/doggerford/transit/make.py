"""Write `timetable.zip` anew: the timetable of Doggerford's buses, as their simulator drives by it. Fictional.

python examples/doggerford/transit/make.py
"""

from pathlib import Path

from cityward.adapters.street.buses import timetable_zip

if __name__ == "__main__":
    Path(__file__).with_name("timetable.zip").write_bytes(timetable_zip())
