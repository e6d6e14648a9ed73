"""A run as a model of its own: adapter merged, written whole, and proven equal to what was trained."""
