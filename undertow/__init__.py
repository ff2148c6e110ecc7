"""Calibrated trading signals from what moves beneath the price: one fold over one tape."""

__version__ = "0.1.0"
