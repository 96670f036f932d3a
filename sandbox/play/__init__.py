"""Play: a simulator and its dreams side by side, driven by the same actions, in a window or recorded without one."""
