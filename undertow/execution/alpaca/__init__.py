"""Alpaca as a ``Gateway``: a thin client of its REST and its stream of trade updates. Addresses and keys come from the caller.

Nothing is decided, kept or asked twice here; what an answer does not tell is ``Says.UNKNOWN``, and only a look-up by id ends that.
"""
