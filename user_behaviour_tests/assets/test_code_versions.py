"""The code versions of the assets: a change of what makes the rows of one changes the version of that one."""

import json
import shutil
import subprocess
import sys

import pytest

from user_behaviour.assets import ASSETS
from user_behaviour.project_files import PROJECT_FILES as CHECKOUT

# file, what stands there, what is to stand there, the assets whose rows that makes
CHANGES = [
    ("sql/landing/raw_purchases.sql", "from retail.user_purchase", "from retail.old_purchase", {"raw_purchases"}),
    ("user_behaviour/vendor/review_file.py", "import re\n", "import re\n\n", {"raw_reviews"}),
    ("user_behaviour/rules.py", "pc.greater(", "pc.greater_equal(", {"staged_purchases"}),
    ("spark_jobs/classify_reviews.py", '"--job"', '"--work"', {"classified_reviews"}),
    ("sql/warehouse/user_behavior_metric.sql", "insert into", "insert  into", {"public/user_behavior_metric"}),
    (
        "user_behaviour/tables/schemas.py",
        'Column("country", "varchar(20)"',
        'Column("country", "varchar(30)"',
        {"spectrum/user_purchase_staging"},
    ),
]
# Each change is made in a copy of the checkout, whose modules are imported afresh; the libraries stay.
VERSIONS = """
import json, pathlib, sys

def versions():
    for name in [name for name in sys.modules if name.partition(".")[0] == "user_behaviour"]:
        del sys.modules[name]
    from user_behaviour.assets import ASSETS
    return {spec.key.to_user_string(): spec.code_version for asset in ASSETS for spec in asset.specs}

found = [versions()]
for name, old, new in json.load(sys.stdin):
    file = pathlib.Path(name)
    text = file.read_text()
    assert text.count(old) >= 1, (name, old)
    file.write_text(text.replace(old, new))
    found.append(versions())
    file.write_text(text)
json.dump([*found, versions()], sys.stdout)
"""


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """Of the checkout as it is, with each of the changes, and as it is again."""
    copy = tmp_path_factory.mktemp("checkout")
    for folder in ("user_behaviour", "sql", "spark_jobs"):
        shutil.copytree(CHECKOUT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-B", "-W", "ignore", "-c", VERSIONS]
    changes = json.dumps([change[:3] for change in CHANGES])
    done = subprocess.run(command, cwd=copy, input=changes, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, str]] = json.loads(done.stdout)
    return found


def test_every_asset_has_a_version_of_its_own_that_is_the_same_at_every_import(versions: list[dict[str, str]]) -> None:
    assert versions[0] == versions[-1]
    assert versions[0] == {spec.key.to_user_string(): spec.code_version for asset in ASSETS for spec in asset.specs}
    assert len(set(versions[0].values())) == len(ASSETS)


@pytest.mark.parametrize("number", range(len(CHANGES)), ids=[change[0] for change in CHANGES])
def test_a_change_of_what_makes_the_rows_of_an_asset_changes_its_version_alone(
    versions: list[dict[str, str]], number: int
) -> None:
    before, after = versions[0], versions[number + 1]
    assert {asset for asset in before if before[asset] != after[asset]} == CHANGES[number][3]
