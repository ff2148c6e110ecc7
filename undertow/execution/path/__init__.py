"""The order path: in come wanted positions and what the broker says, out go orders, each at most once, and what the journal says of them.

``plan`` makes intents of wanted positions; ``desk`` asks the gate and writes everything down before it happens; ``send`` talks to a broker;
``reconcile`` compares the broker with the journal; ``stop`` ends everything. The whole story: docs/concepts/order-safety.md.
"""
