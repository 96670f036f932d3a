"""Experience that is exchanged with others: logs of one's own come in, Minari datasets come in and go out."""

from sandbox.exchange.logs import read_log
from sandbox.exchange.minari import write_minari
from sandbox.exchange.tables import LogError

__all__ = ["LogError", "read_log", "write_minari"]
