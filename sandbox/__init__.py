"""Where simulation and generative models meet."""
