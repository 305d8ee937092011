"""A baseline: the reference picture itself, put where the person is."""
