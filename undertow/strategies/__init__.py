"""Signals and features in, target positions out: the strategies and their sizing, pure functions."""
