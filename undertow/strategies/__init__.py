"""Strategies: signals in, target positions out. Pure functions of what was known."""
