"""`sandbox list` and `sandbox bench`: what there is, and how fast it is."""


def show_list() -> int:
    """Show the worlds, models and agents there are."""
    import sandbox_agents
    import sandbox_envs
    from sandbox import console, models

    console.show("worlds   " + "  ".join(sandbox_envs.worlds()) + "  and every other Gymnasium environment")
    console.show("models   " + "  ".join(models.names()) + "  and memory+head:")
    console.show("         memories " + "  ".join(models.memories()) + "; heads " + "  ".join(models.heads()))
    console.show("agents   " + "  ".join(sandbox_agents.names()))
    return 0


def show_bench() -> int:
    """Measure our speeds beside their peers, in one run, as ratios."""
    from sandbox import bench as measure

    measure.main()
    return 0
