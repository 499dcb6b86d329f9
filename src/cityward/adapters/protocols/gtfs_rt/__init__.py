"""GTFS-Realtime: vehicle positions as readings of declared vehicles (`codec`), and feeds fetched from their sender (`pull`)."""
