"""Numbers for Prometheus, on this machine alone: how fast, how late, how much was denied, what is held and lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from undertow.core.time import SECOND, Duration
from undertow.execution.risk.codes import Code
from undertow.execution.risk.state import Mode

BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)  #: seconds
LOOPBACK = "127.0.0.1"


class Metrics:
    """The numbers of one run; every method takes microseconds and may be called from any thread."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self._all = CollectorRegistry()
        self._latency = Histogram(
            "undertow_received_to_sent_seconds", "From an event received to the order sent.", buckets=BUCKETS, registry=self._all
        )
        self._lag = Gauge(
            "undertow_channel_lag_seconds", "From a fact's stamp to its arrival, the newest.", ["channel"], registry=self._all
        )
        self._age = Gauge("undertow_channel_age_seconds", "Since the last fact of a channel.", ["channel"], registry=self._all)
        self._verdicts = Counter("undertow_verdicts", "Answers of the risk gate.", ["code"], registry=self._all)
        self._orders = Gauge("undertow_orders", "Orders of this exchange day by where they stand.", ["state"], registry=self._all)
        self._equity = Gauge("undertow_equity_usd", "Equity, what is not realised included.", registry=self._all)
        self._pnl = Gauge("undertow_day_pnl_usd", "Equity less that of the day's start.", registry=self._all)
        self._drawdown = Gauge("undertow_day_drawdown_ratio", "Fall from the day's highest equity, a share of it.", registry=self._all)
        self._mode = Gauge("undertow_risk_state", "1 for the state that holds.", ["mode"], registry=self._all)
        self._dropped = Gauge("undertow_alerts_dropped", "Alerts that found no room.", registry=self._all)
        self._failed = Gauge("undertow_alerts_failed", "Messages that did not get through.", registry=self._all)
        self.mode(Mode.HALTED)  # until somebody says otherwise

    def latency(self, span: Duration) -> None:
        """An order was sent ``span`` ns after the event that it rests on was received."""
        self._latency.observe(span / SECOND)

    def channel(self, name: str, lag: Duration | None, age: Duration | None) -> None:
        """How late the newest fact of a channel came, and how old it is, ns; NaN where there is none."""
        self._lag.labels(name).set(float("nan") if lag is None else lag / SECOND)
        self._age.labels(name).set(float("nan") if age is None else age / SECOND)

    def verdict(self, code: Code) -> None:
        """The gate answered."""
        self._verdicts.labels(code.value).inc()

    def orders(self, counts: Mapping[str, int]) -> None:
        """How many orders stand where; what is left out is none."""
        self._orders.clear()
        for state, count in counts.items():
            self._orders.labels(state).set(count)

    def money(self, equity: float, start: float, peak: float) -> None:
        """The account, USD: now, at the day's start, and its highest of the day."""
        self._equity.set(equity)
        self._pnl.set(equity - start)
        self._drawdown.set((peak - equity) / peak if peak > 0.0 else 0.0)

    def mode(self, now: Mode) -> None:
        """How far trading is allowed."""
        for each in Mode:
            self._mode.labels(each.value).set(float(each is now))

    def alerts(self, dropped: int, failed: int) -> None:
        """What became of alerts that nobody got."""
        self._dropped.set(dropped)
        self._failed.set(failed)

    def text(self) -> str:
        """Everything, in Prometheus' text format."""
        from prometheus_client import generate_latest

        return generate_latest(self._all).decode()

    def serve(self, port: int = 0) -> tuple[str, Callable[[], None]]:
        """Answer on loopback, on a free port if 0; the address and what ends it. Raises ``OSError`` where the port is taken."""
        from prometheus_client import start_http_server

        server, thread = start_http_server(port, addr=LOOPBACK, registry=self._all)

        def close() -> None:
            server.shutdown()
            server.server_close()
            thread.join(5.0)

        return f"http://{LOOPBACK}:{server.server_port}/metrics", close
