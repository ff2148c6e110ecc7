"""Answers to windows by ONNX Runtime: the graph that ``export`` wrote, on one core; neither Keras nor its backend is imported."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from undertow.core.chunk import F64
from undertow.core.errors import NotSupported, StoreError
from undertow.models.sequence.definitions import HOW_TO_INSTALL
from undertow.models.sequence.windows import F32


class WindowServer:
    """A session over one graph; raises ``NotSupported`` without ONNX Runtime and ``StoreError`` for a graph it cannot read.

    Batches of different sizes may differ in the last bits; where a row must stand alone, use ``Network.log_odds``.
    """

    def __init__(self, graph: bytes | Path) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise NotSupported(HOW_TO_INSTALL) from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            content = graph if isinstance(graph, bytes) else graph.read_bytes()
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors share no narrower base
            raise StoreError(f"The ONNX graph cannot be read ({str(error)[:200]}); train the model again.") from error

    def log_odds(self, windows: F32) -> F64:
        """Scaled windows (n, lookback, width) -> log-odds (n,)."""
        return np.asarray(self._session.run(None, {"window": windows})[0], np.float64)
