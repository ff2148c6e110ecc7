"""Fixtures of the tape's tests."""

from tests.tape.postgres import fresh, postgres
from tests.tape.workbench import bench

__all__ = ["bench", "fresh", "postgres"]
