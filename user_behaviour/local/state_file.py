"""What the embedded stack remembers from start to start: its port and its password, in one file of the owner alone.

Reads and replaces the file, and chooses ports. Whether a server answers there is `postgres`'s business.
"""

import hmac
import json
import os
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from user_behaviour.local.errors import StackError


@dataclass(frozen=True)
class State:
    """The TCP port on 127.0.0.1, and the password of the roles that own something."""

    port: int
    password: str

    @property
    def reader_password(self) -> str:
        """That of the role that only reads; it follows from the owners', which does not follow from it."""
        return hmac.digest(self.password.encode(), b"reader", "sha256").hex()

    def url(self, role: str, database: str, *, password: str = "") -> str:
        """The libpq URL; the alphabet of the passwords needs no quoting."""
        return f"postgresql://{role}:{password or self.password}@127.0.0.1:{self.port}/{database}"


def read_state(path: Path) -> State | None:
    """What was written last; None before the first start."""
    try:
        return State(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise StackError(f"{error}; was it made by another user? Call as that user.") from error
    except (TypeError, ValueError) as error:
        raise StackError(f"{path} is not what this program wrote ({error}); restore it.") from error


def write_state(path: Path, state: State) -> None:
    """Replaces the file in one step, so that a reader needs no lock; there may be one writer at a time."""
    draft = path.with_suffix(".new")
    with open(draft, "w", opener=owner_only) as file:
        json.dump(asdict(state), file)
        file.flush()
        os.fsync(file.fileno())  # the only copy of the password
    draft.replace(path)


def owner_only(path: str, flags: int) -> int:
    """An `opener` for files that nobody else may read."""
    return os.open(path, flags, 0o600)


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Whether a server could listen on the port of the loopback interface now."""
    with socket.socket() as probe:
        # As PostgreSQL does: sessions that ended a minute ago do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
