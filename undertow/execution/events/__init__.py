"""Trades in, fills out: a strategy that is called event by event, compiled, in plain Python, or only when it asked to be woken.

Comes in: trade ticks of one symbol (ns UTC, USD, shares) and a strategy. Goes out: its orders, their fills, and a running summary.
All three ways run through one compiled fold (``fold.py``) and one execution function (``undertow.execution.rules.execute``).
"""
