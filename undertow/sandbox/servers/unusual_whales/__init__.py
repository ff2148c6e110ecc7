"""The simulated market as Unusual Whales tells it: REST answers from rows known by now, and a socket of what becomes known."""

from undertow.sandbox.servers.unusual_whales.plan import UNIVERSE, Plan
from undertow.sandbox.servers.unusual_whales.routes import routes

__all__ = ["UNIVERSE", "Plan", "routes"]
