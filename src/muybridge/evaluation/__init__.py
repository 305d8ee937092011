"""Measuring: metrics of pictures, videos and geometry, and the benchmark Plates."""
