"""The market that ships: a simulator with planted truth, and servers that speak the vendors' and the broker's protocols.

``market`` makes the rows of any symbols and sessions, ``cache`` is the same market with a memory on disk (``blocks``), and ``part``, one
symbol over some sessions, is what both hand to the rooms: ``daily``, then ``tape`` and ``options``, which fill its days. ``hands`` tells
who was behind a print; ``halts`` and ``outages`` are what a market is told to suffer. ``draws`` and ``codes`` serve all of them.
"""
