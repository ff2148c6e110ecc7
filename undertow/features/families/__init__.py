"""The features that ship, a file a family."""
