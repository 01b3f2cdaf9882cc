"""A circuit as plain C, one event at a time."""
