"""The operating system's account that runs PostgreSQL when we are root, as whom PostgreSQL refuses to run.

Finds the account and lets it reach its files. For everybody else there is nothing to do here.
"""

from __future__ import annotations

import logging
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

logger = logging.getLogger(__name__)


class NoAccount(Exception):
    """There is nobody to run the server as."""


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
            if not found.st_mode & self._passing_bit(found):
                directory.chmod(stat.S_IMODE(found.st_mode) | self._passing_bit(found))
                logger.warning("PostgreSQL runs as user %d, who may from now on pass through %s", self.uid, directory)

    def _passing_bit(self, directory: os.stat_result) -> int:
        if directory.st_uid == self.uid:
            return stat.S_IXUSR
        return stat.S_IXGRP if directory.st_gid == self.gid else stat.S_IXOTH


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
        raise NoAccount(
            "PostgreSQL does not run as root, and this machine has no user `nobody` to run it as; "
            "call again as an ordinary user."
        ) from None
    return Account(nobody.pw_uid, nobody.pw_gid)
