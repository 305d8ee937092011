"""avatar: the textured, posed body of the person, rendered."""
