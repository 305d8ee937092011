"""GAS: a human NeRF paints cues, a video diffusion network makes the person from them."""
