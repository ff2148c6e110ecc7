"""What persons wish and how far the loop may go, on the disk: in come requests of persons and the loop's state, out comes what may be sent.

No file has two writers, so that nobody waits for a loop that hangs: persons only ever add requests, the loop alone writes its state and its
heartbeat. What is broken, torn or gone counts as HALTED.
"""
