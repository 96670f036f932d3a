"""Gymnasium simulations of real processes, one world per file."""
