"""Options on a symbol: each day's chain and open interest, the prints that make up its volume, and the alerts derived from them.

In: the daily layer and the tape's quotes. Out: chains, and rows of option prints and flow alerts.
"""
