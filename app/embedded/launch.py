"""Become another program that ends when its parent does; run as a script: SIGNAL PARENT USER PROGRAM ARGUMENT...

SIGNAL is the number that the kernel sends when the parent dies (0: none), PARENT the parent's process id, USER an
account to become ("-": stay). A script of its own, because Popen's `preexec_fn` is unsafe beside threads.
It imports the standard library only and is run with `python -I -S`, which costs a few milliseconds.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Never returns: the process becomes the program, or ends with a sentence on standard error."""
    death_signal, parent, user, *command = arguments
    if user != "-":
        account = pwd.getpwnam(user)
        os.setgroups([])
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
        os.environ["HOME"] = "/"
    if int(death_signal):  # after the change of user, which would clear it
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != int(parent):  # it died before we asked
            os.kill(os.getpid(), signal.SIGKILL)
    try:
        os.execvp(command[0], command)  # noqa: S606 - the command is the caller's own
    except OSError as error:
        sys.exit(f"{command[0]} cannot be started: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
