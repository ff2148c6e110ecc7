"""The decision journal: in come drafts of what was decided, sent and answered, out come entries in a chain that shows any change."""
