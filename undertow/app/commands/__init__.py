"""The commands of ``undertow``, one a file: they parse, call and print. Heavy imports happen inside, so that ``--help`` is quick."""
