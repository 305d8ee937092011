"""A baseline: GAS's first stage, the human NeRF, without the video network."""
