"""Messages to a person's phone or inbox: in come alerts from any thread, at once and never in anybody's way, out go digests."""
