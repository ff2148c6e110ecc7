"""Whether a session is alive, and who its broker is."""

from __future__ import annotations

from undertow.app.brokers import KEY_ID, SECRET, Alpaca, alpaca
from undertow.app.job import Job
from undertow.core.errors import BadInput


def is_alive(job: Job) -> bool:
    """Whether today's market is traded on: there is a vendor's key, and neither another day nor another source is asked for."""
    alive = job.access.massive is not None and not job.dated and job.source in ("auto", "massive")
    if job.live and not alive:
        raise BadInput(
            "--live needs live prices: set POLYGON_API_KEY or --polygon-key; simulated or recorded data never place a real order"
        )
    if job.broker == "alpaca" and not alive:
        raise BadInput("--broker alpaca needs live prices: set POLYGON_API_KEY or --polygon-key, and give no --end-date")
    return alive


def broker_of(job: Job) -> Alpaca | None:
    """The job's broker; None is the simulated one. Raises ``BadInput`` where the one that is asked for has no keys."""
    if job.broker == "simulated":
        return None
    found = alpaca(real=job.live)
    if found is None and (job.live or job.broker == "alpaca"):
        raise BadInput(f"--{'live' if job.live else 'broker alpaca'} needs Alpaca's keys: set {KEY_ID} and {SECRET}")
    return found
