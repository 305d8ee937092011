"""People who never were: seeded, clothed, posed, lit; the training set that the project ships."""
