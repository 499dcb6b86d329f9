"""What public transport writes: GTFS timetables, GTFS-Realtime feeds, SIRI answers, and the rules they are held to. Pure."""
