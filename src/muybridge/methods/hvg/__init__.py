"""HVG: bone maps steer a video diffusion network whose views and frames look at each other."""
