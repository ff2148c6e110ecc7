"""Trading: one session from its warm-up to its summary, on a live market, a recorded one or the simulated one."""
