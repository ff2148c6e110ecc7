"""The market that ships: a simulator with planted truth, and servers that speak the vendors' and the broker's protocols."""
