"""Configuration, the command line and the wiring of the modes: the only room with a wall clock, keys and asyncio."""
