"""What pyproject.toml cannot declare: a wheel carries the files that lie beside the package in a checkout."""

from pathlib import Path
from shutil import copytree, ignore_patterns

from setuptools import setup
from setuptools.command.build_py import build_py

# By the names that `user_behaviour.project_files` looks for.
BESIDE_THE_PACKAGE = ("sql", "spark_jobs", "deploy")


class BuildWithFiles(build_py):
    """Copies them into the package, unless the checkout itself is installed."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            for name in BESIDE_THE_PACKAGE:
                target = Path(self.build_lib) / "user_behaviour" / "files" / name
                copytree(
                    Path(__file__).parent / name, target, ignore=ignore_patterns("__pycache__"), dirs_exist_ok=True
                )


setup(cmdclass={"build_py": BuildWithFiles})
