"""Orders in, fills out: the simulated broker, Alpaca, risk limits, the kill switch and order book-keeping."""
