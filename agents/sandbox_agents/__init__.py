"""Agents that act in any Gymnasium world, simulated or dreamed."""
