"""Fixtures of the tape's tests."""

from tests.tape.workbench import bench

__all__ = ["bench"]
