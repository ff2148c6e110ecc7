"""What can go wrong, as one tree.

UndertowError
├── BadInput      the user's flag, file or row: exit 2, nothing written
│   └── TooLittleHistory
├── BadData       a vendor's or the tape's rows contradict themselves: nothing is guessed
├── StoreError    the disk refused
├── BrokerError   a broker could not be asked, or its answer does not tell: nothing is sent on a guess
├── NotSupported  asked for something this version does not do
└── LawBroken     a law of the design does not hold: stop, never trade on
"""


class UndertowError(Exception):
    """Base of every error the system raises on purpose; the message is one sentence for a person."""

    exit_code = 1


class BadInput(UndertowError):
    """The user's flag, file or row is wrong. Names it and says what is valid."""

    exit_code = 2


class TooLittleHistory(BadInput):
    """There is too little history before the start to train on; says how much more is needed."""


class BadData(UndertowError):
    """Rows contradict each other or the calendar."""


class StoreError(UndertowError):
    """The disk refused: full, read-only or broken."""

    exit_code = 2


class BrokerError(UndertowError):
    """A broker could not be asked, refused what was asked, or gave an answer that does not tell."""


class NotSupported(UndertowError):
    """Asked for something that this version does not do."""

    exit_code = 2


class LawBroken(UndertowError):
    """A law of the design does not hold."""
