"""Kept models on the disk: in come names and bytes, out come the same bytes or a refusal that names the file."""
