"""What it means: indicators of an hour and an area, and what a device usually reads at an hour of day.

Pure functions from columns to rows. What is admitted comes in; nothing here knows who stores or shows it.
"""
