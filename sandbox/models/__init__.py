"""Generative models of a simulator's experience: memory times head."""
