"""Worlds of images: eyes learn to tell an image in a few numbers, and a world that is seen through them is like any."""
