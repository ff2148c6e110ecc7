"""Massive (formerly Polygon.io): pages of REST answers and frames of its WebSocket come in, chunks of events go out."""
