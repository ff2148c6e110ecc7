"""The simulated market behind the vendors' own protocols: REST, WebSocket and flat files, on loopback."""
