"""The simulated market as Massive tells it: REST answers from rows known by now, and a socket of what becomes known."""
