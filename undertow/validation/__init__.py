"""Whether a result can be believed: walk-forward, purging, significance, the leak audit, the honesty test and parity."""
