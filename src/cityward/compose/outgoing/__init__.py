"""What leaves the city: recipients, what they prove themselves with, what they are given, what they were given."""
