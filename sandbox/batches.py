"""Batches of Gymnasium's vector environments, one row at a time."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def row_of(batch: Any, row: int) -> Any:
    """One observation out of a batch of a space, nested ones included."""
    if isinstance(batch, dict):
        return {key: row_of(part, row) for key, part in batch.items()}
    if isinstance(batch, tuple):
        return tuple(row_of(part, row) for part in batch)
    return batch[row]


def final_info(ended: NDArray[np.bool_], final: Any) -> dict[str, Any]:
    """The last observations of the rows that `ended`, `(B,)`, as Gymnasium's SyncVectorEnv reports them."""
    last = np.full(len(ended), None, object)
    for row in np.flatnonzero(ended):
        last[row] = row_of(final, int(row))
    return {"final_obs": last, "_final_obs": ended.copy(), "final_info": {}, "_final_info": ended.copy()}
