"""The words below the charts, each with the sentence that stands in its place where there is nothing to draw."""

REAL_STEPS = (
    "Return against real steps. Small points are means over fresh episodes on the way, one for each seed; a line is "
    "their mean over seeds, with a band where there are three or more. The large mark with its whisker is the final "
    "evaluation. Of the agents trained in the simulator the best is drawn, at this budget and at the ceiling; random "
    "play is the dashed line. An interval that leaves the frame has no end bar.",
    "No agent was judged, so there is no curve to draw.",
)
WALL_CLOCK = (
    "The same returns against wall-clock time on this machine, evaluations left out. Where a simulator is cheap, an "
    "agent that lives in it may well be quicker; a dream pays where real steps are slow, dear or absent.",
    "No agent was judged, so there is no curve to draw.",
)
HONESTY = (
    "Each agent’s return in its own dream against its return in the simulator: on the diagonal a dream is honest, "
    "below it the agent lives off the model’s errors. Large marks are means over seeds, small points single seeds, "
    "faint points earlier rounds.",
    "No agent was judged in a dream, so there is no promise to check.",
)
