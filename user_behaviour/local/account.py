"""The operating system's account that runs PostgreSQL when we are root, as whom PostgreSQL refuses to run.

Finds the account and lets it reach its files. For everybody else there is nothing to do here.
"""

import logging
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from user_behaviour.local.errors import StackError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Account:
    """A user and the user's group."""

    uid: int
    gid: int

    def let_through(self, path: Path) -> None:
        """Lets the account pass through (not list, not read) the directories above `path`.

        PostgreSQL opens its files by full path, and a home under /root or a private temporary directory would shut
        `nobody` out. What lies in those directories stays as protected as its own mode says.
        """
        for directory in path.parents:
            found = directory.stat()
            bit = stat.S_IXGRP if found.st_gid == self.gid else stat.S_IXOTH
            if found.st_uid == self.uid:
                bit = stat.S_IXUSR
            if not found.st_mode & bit:
                directory.chmod(stat.S_IMODE(found.st_mode) | bit)
                logger.warning("PostgreSQL runs as user %d, which may now pass through %s", self.uid, directory)


def account_for(directory: Path) -> Account | None:
    """None unless we are root; else the owner of the server's directory, or `nobody` while that is still root's."""
    if os.geteuid() != 0:
        return None
    owner = directory.stat()
    if owner.st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise StackError(
            "PostgreSQL does not run as root, and this machine has no user `nobody` to run it as; "
            "call again as an ordinary user."
        ) from None
    return Account(nobody.pw_uid, nobody.pw_gid)
