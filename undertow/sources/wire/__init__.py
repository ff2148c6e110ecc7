"""What the vendors' clients share: in go a path and a key, out comes one whole JSON answer or one typed error, never an empty guess."""
