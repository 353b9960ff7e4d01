"""Everything that can go wrong with the embedded servers: each message is a sentence that says what to do.

EmbeddedError
├── UnsupportedMachine   not Linux on x86-64: there are no binaries
├── PackageMissing       the Python package that ships a server is not installed
├── PortTaken            somebody else listens on the port
├── AlreadyRunning       another run holds the folder
├── DataUnusable         the data folder cannot be used as it is
├── ServerNotStarted     a server ended or stayed silent while it started
└── ChildGaveUp          a supervised process ended again and again
"""

from __future__ import annotations


class EmbeddedError(Exception):
    """An embedded server or a supervised process cannot run; the message says what to do."""


class UnsupportedMachine(EmbeddedError):
    """There are no embedded binaries for this kind of machine."""


class PackageMissing(EmbeddedError):
    """The Python package that ships a server is not installed."""


class PortTaken(EmbeddedError):
    """Somebody else listens on a port that is needed."""


class AlreadyRunning(EmbeddedError):
    """Another run holds the folder."""


class DataUnusable(EmbeddedError):
    """A data folder cannot be used as it is."""


class ServerNotStarted(EmbeddedError):
    """A server ended, or stayed silent, while it was starting."""


class ChildGaveUp(EmbeddedError):
    """A supervised process ended again and again."""
