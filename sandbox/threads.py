"""One torch thread, whatever the process that asks has: a script of a user's own sets none."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Nets of this size gain nothing from a second thread, and on a busy machine lose everything to its barriers.

    Also a decorator. Coming and going take 4 µs. (`sandbox_agents.sb3` has one of its own: the two know nothing of each
    other.)
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
