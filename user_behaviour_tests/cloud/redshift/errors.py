"""What the stand-in answers where it answers itself: an error in the fields in which a server reports it."""

from dataclasses import dataclass

from user_behaviour_tests.cloud.redshift import wire


@dataclass(eq=False)
class SqlError(Exception):
    """An ErrorResponse to a statement. Redshift reports most of its own errors with SQLSTATE XX000."""

    message: str
    sqlstate: str = "XX000"
    detail: str = ""
    hint: str = ""

    def fields(self, severity: str = "ERROR") -> dict[str, str]:
        optional = {"D": self.detail, "H": self.hint}
        return {"S": severity, "C": self.sqlstate, "M": self.message} | {k: v for k, v in optional.items() if v}

    def response(self, severity: str = "ERROR") -> wire.Message:
        return wire.error(self.fields(severity))


class ConnectionLost(Exception):
    """The session ends here without a word, on both sides."""


def syntax_error(near: str) -> SqlError:
    return SqlError(f'syntax error at or near "{near}"', "42601")


def unsupported(what: str) -> SqlError:
    return SqlError(what, "0A000")
