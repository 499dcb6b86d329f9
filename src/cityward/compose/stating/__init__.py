"""What people say of the city, put on record: statements, and risks that somebody bears."""
