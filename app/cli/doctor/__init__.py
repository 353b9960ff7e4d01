"""`turnup doctor`: looks at everything that Turnup needs, and says what to do about what is wrong."""

from app.cli.doctor.command import doctor

__all__ = ["doctor"]
