"""A broker's book as Alpaca tells it: REST for the account, orders, positions and assets, and a socket of what becomes of orders.

Paper accounts answer at the root with keys that begin with PK, accounts of real money under ``/live`` with keys that begin with AK; both
are made of the simulated market's quotes, and nothing that is bought here exists.
"""

from undertow.sandbox.servers.alpaca.accounts import Account, Brokerage
from undertow.sandbox.servers.alpaca.routes import routes

__all__ = ["Account", "Brokerage", "routes"]
