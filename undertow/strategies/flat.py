"""Nothing: the strategy of a session that may be watched but not traded."""

from __future__ import annotations

import numpy as np

from undertow.core.chunk import F64
from undertow.core.protocols import View
from undertow.strategies.evidence import Need


class Flat:
    """Holds no share, whatever the signals say."""

    name = "flat"
    reads: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()

    def targets(self, view: View) -> F64:
        """Zero for every tick and symbol (ticks, symbols)."""
        return np.zeros_like(view.p_up)
