"""The gate that every order passes: an order, what is known of the account and the market, limits and state in; a verdict out.

Nothing here sends, waits, reads a clock or keeps anything: the caller brings the instant, persists the state that a verdict carries
before the order is sent, and counts each allowed order as working until its end is known. The rules: docs/concepts/risk.md.
"""
