"""The commands that need no run: the stack, the data, the queries; and that errors are a line or two."""

import gzip
import importlib
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg2
import pytest

from user_behaviour.commands.cli import EXPECTED_ERRORS
from user_behaviour.local.stack import Stack
from user_behaviour_tests.command_line import Home, errors, temporary_installation

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
LINES = (
    '536365,85123A,"HANGING ""HEART"", WHITE",6,2010-12-01 08:26:00,2.55,17850,United Kingdom\n'
    "C536366,71053,,-1,12/2/2010 9:05,3.39,,France\n"
)


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    with temporary_installation() as made:
        yield made


def purchases(home: Home) -> list[str]:
    """The lines in the shop's database, as PostgreSQL writes rows."""
    with closing(psycopg2.connect(Stack(home.path).endpoints().shop)) as shop, shop.cursor() as cursor:
        cursor.execute("select p::text from retail.user_purchase p order by invoice_date, p::text")
        return [line for (line,) in cursor.fetchall()]


def drop(home: Home) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (home.path / "vendor").iterdir() if path.is_file()}


def test_up_twice_and_down_twice_end_well_and_status_tells_the_difference(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    try:
        assert "not set up" in home.call("status").stdout
        first, second = home.call("up"), home.call("up")
        assert (first.returncode, second.returncode) == (0, 0)
        assert "is started" in first.stdout
        assert "was running" in second.stdout
        assert home.call("down").stdout == "The stack is stopped.\n"
        assert home.call("down").stdout == "The stack was not running.\n"
        assert "not running" in home.call("status").stdout
        refused = home.call("query", "select 1")
        assert refused.returncode == 1
        assert errors(refused) == [
            f"Error: The embedded PostgreSQL in {home.path} is not running; start it with `user-behaviour up`."
        ]
    finally:
        home.discard()


def test_status_prints_urls_that_connect(home: Home) -> None:
    words = home.call("status").stdout.split()
    urls = [word for word in words if word.startswith("postgresql://")]
    assert [url.rpartition("/")[2] for url in urls] == ["warehouse", "shop", "warehouse", "dagster"]
    for url in urls:
        psycopg2.connect(url).close()


def test_status_imports_nothing_heavy(home: Home) -> None:
    code = (
        "import sys\nfrom user_behaviour.commands.cli import cli\ncli(['status'], standalone_mode=False)\n"
        "print([m for m in ('dagster', 'pyarrow', 'pandas', 'numpy', 'pyspark', 'sqlalchemy') if m in sys.modules])"
    )
    found = home.run([sys.executable, "-c", code])
    assert found.stdout.splitlines()[-1] == "[]"


def test_load_purchases_replaces_what_is_there_from_plain_and_packed_files(home: Home, tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.csv", tmp_path / "b.csv.gz"
    plain.write_text(HEADER + LINES)
    packed.write_bytes(gzip.compress(b"\xef\xbb\xbf" + HEADER.encode() + b"7,A,B,1,2010-12-03 10:00:00,1,1,Italy\n"))
    for _ in range(2):
        assert home.call("load-purchases", str(plain), str(packed)).stdout == (
            "3 purchase lines in retail.user_purchase, 2010-12-01 to 2010-12-03.\n"
        )
    assert purchases(home) == [
        '(536365,85123A,"HANGING ""HEART"", WHITE",6,"2010-12-01 08:26:00",2.550,17850,"United Kingdom")',
        '(C536366,71053,,-1,"2010-12-02 09:05:00",3.390,,France)',
        '(7,A,B,1,"2010-12-03 10:00:00",1.000,1,Italy)',
    ]


def test_load_purchases_reads_as_it_is_told_and_every_text_comes_back_from_the_database(
    home: Home, tmp_path: Path
) -> None:
    odd = 'a\tb\\N\r\n\\. "£"'
    (file := tmp_path / "a.csv").write_bytes(
        f'{HEADER}1,A,"{odd.replace(chr(34), chr(34) * 2)}",1,1/12/2010 8:26,1,1,UK\n'.encode("latin-1")
    )
    assert home.call("load-purchases", "--encoding", "latin-1", "--dates", "day-first", str(file)).returncode == 0
    with closing(psycopg2.connect(Stack(home.path).endpoints().shop)) as shop, shop.cursor() as cursor:
        cursor.execute("select detail, cast(invoice_date as text) from retail.user_purchase")
        assert cursor.fetchall() == [(odd, "2010-12-01 08:26:00")]
    for wrong in ("hex", "utf-9"):
        call = home.call("load-purchases", "--encoding", wrong, str(file))
        assert (call.returncode, errors(call)[-1]) == (
            2, f"Error: Invalid value for '--encoding': {wrong!r} is no encoding; try utf-8, latin-1, cp1252 or utf-16."
        )  # fmt: skip


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (["2010-12-01", "2099-12-01"], "2010-12-01"),
        (["2010-12-01", "2015-12-01"], "2010-12-01"),
        (["2010-12-01", "2099-12-01", "2099-12-02"], "yesterday"),
    ],
)
def test_a_run_goes_to_a_day_far_from_all_others_only_if_it_is_told_so(
    home: Home, tmp_path: Path, days: list[str], expected: str
) -> None:
    """A slip of the pen, 2099 for 2011, made `run` land every day up to yesterday."""
    (file := tmp_path / "a.csv").write_text(HEADER + "".join(f"1,A,B,3,{day} 08:26,1,1,UK\n" for day in days))
    assert home.call("load-purchases", str(file)).returncode == 0
    for command in ("run", "demo"):
        asked_at = datetime.now(UTC)
        call = home.call(command)
        yesterdays = {str(moment.date() - timedelta(days=1)) for moment in (asked_at, datetime.now(UTC))}
        assert call.returncode == 2
        assert errors(call)[-1] in {
            f"Error: The shop or the vendor has something of {days[-1]}, which is more than a year after all else, or "
            f"to come; say how far the run is to go: `user-behaviour run --to {day}`, or another day."
            for day in (yesterdays if expected == "yesterday" else {expected})
        }


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("line.csv", f"{HEADER}{LINES}1,2,3,many,2010-12-01,1,1,UK\n".encode(), "line.csv, line 4: Quantity is 'many'"),
        ("cut.csv.gz", gzip.compress((HEADER + LINES).encode(), mtime=0)[:-9], "cut.csv.gz cannot be unpacked"),
        ("cut.zip", b"PK\x03\x04" + bytes(99), "cut.zip cannot be unpacked"),
    ],
)  # fmt: skip
def test_a_file_of_purchases_that_is_not_right_is_named_and_replaces_nothing(
    home: Home, tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / name
    good.write_text(HEADER + LINES)
    bad.write_bytes(content)
    home.call("load-purchases", str(good))
    before = purchases(home)
    call = home.call("load-purchases", str(good), str(bad))
    assert call.returncode == 1
    assert len(errors(call)) == 1
    assert said in call.stderr
    assert call.stderr.endswith("nothing was replaced.\n")
    assert purchases(home) == before != []


def test_generate_replaces_the_days_of_its_range_and_no_others(home: Home) -> None:
    span = ("generate", "--from", "2010-12-01", "--to", "2010-12-03", "--scale", "0.01", "--seed", "1")
    (home.path / "vendor" / "movie_review_2010-12-02.csv.unpacked").mkdir(parents=True)
    (home.path / "vendor" / "movie_review_2010-12-02_more.csv").mkdir()
    assert home.call(*span).returncode == 0
    lines, files, delivered = purchases(home), drop(home), home.deployment().vendor_drop.files()
    assert {day for line in lines for day in re.findall(r"2010-12-\d\d", line)} == {
        "2010-12-01",
        "2010-12-02",
        "2010-12-03",
    }
    assert {name[:23] for name in files} == {f"movie_review_2010-12-0{n}" for n in (1, 2, 3)}
    # Made again, the same files are no new delivery.
    assert home.call(*span).returncode == 0
    assert home.deployment().vendor_drop.files() == delivered != []

    second = ("--from", "2010-12-02", "--to", "2010-12-02", "--scale", "0.01", "--seed", "2")
    assert home.call("generate", *second).returncode == 0
    changed = purchases(home)
    assert changed != lines
    assert [line for line in changed if "2010-12-02" not in line] == [
        line for line in lines if "2010-12-02" not in line
    ]
    assert home.call(*span).returncode == 0
    assert (purchases(home), drop(home)) == (lines, files)


def test_generate_refuses_a_scale_of_which_nothing_can_be_made(home: Home) -> None:
    call = home.call("generate", "--scale", "0")
    assert call.returncode == 2
    assert "give a number above 0" in call.stderr


def test_deliver_puts_the_whole_file_and_leaves_no_other(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "movie_review_2010-12-09_late.csv"
    file.write_bytes(b"cid,review_str\n1,good\n")
    home.call("deliver", str(file))
    file.write_bytes(b"cid,review_str\n1,bad\n")
    said = home.call("deliver", str(file)).stdout.splitlines()
    assert said[0] == f"Delivered {file.name} (21 bytes)."
    assert said[1].startswith(f"They lie in {home.path / 'vendor'}. ")
    assert said[1].endswith(": user-behaviour run --from 2010-12-09 --to 2010-12-09")
    assert {name: text for name, text in drop(home).items() if "12-09" in name} == {file.name: file.read_bytes()}


def test_deliver_refuses_a_foreign_name_and_then_delivers_none(home: Home, tmp_path: Path) -> None:
    good, foreign = tmp_path / "movie_review_2010-12-10.csv", tmp_path / "movie_review_2010-02-30.csv"
    for file in (good, foreign):
        file.write_text("cid,review_str\n")
    call = home.call("deliver", str(good), str(foreign))
    assert call.returncode == 1
    assert len(errors(call)) == 1
    assert call.stderr.startswith("Error: movie_review_2010-02-30.csv is no name of a vendor file")
    assert good.name not in drop(home)


def test_query_takes_its_text_from_a_file_too_and_from_one_place(home: Home, tmp_path: Path) -> None:
    (file := tmp_path / "a.sql").write_text("select 'é' as letter\n-- the end\n")
    assert home.call("query", "--csv", "--file", str(file)).stdout == "letter\né\n"
    piped = subprocess.run(
        home.command("query", "--csv", "--file", "-"),
        env=home.environment, input="select 1 as n", capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert piped.stdout == "n\n1\n"
    for call in (home.call("query"), home.call("query", "select 1", "--file", str(file))):
        assert call.returncode == 2
        assert "Give the query, or a file that holds it with --file; one of the two." in call.stderr


def test_the_home_is_closed_to_others(home: Home) -> None:
    """As root its directory lets PostgreSQL's user pass, and let everybody read what lay below by name."""
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.path.iterdir() if path.name != "last_day"}
    assert not {name: oct(mode) for name, mode in modes.items() if mode & 0o077}
    assert {"lake", "vendor", "dagster", "postgres", "stack.json", "stack.lock"} <= modes.keys()


def test_query_prints_a_table_or_csv(home: Home) -> None:
    sql = "select 1 as one, 'a,b' as text, null as nothing, 2.50 as amount"
    assert home.call("query", "--csv", sql).stdout == 'one,text,nothing,amount\n1,"a,b",,2.50\n'
    table = home.call("query", sql).stdout
    assert [line.split() for line in table.splitlines() if line.strip()] == [
        ["one", "text", "nothing", "amount"],
        [table.splitlines()[2].strip()],
        ["1", "a,b", "2.50"],
        ["1", "row"],
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "insert into audit.writer_lock values ('x')",
        "commit; insert into audit.writer_lock values ('x')",
        "set transaction read write; insert into audit.writer_lock values ('x')",
        "drop table audit.writer_lock",
        "commit; begin read write; delete from public.user_behavior_metric",
        "commit; begin read write; truncate spectrum.user_purchase_staging; commit",
        "commit; begin read write; create table public.mine (n int); commit",
        "commit; begin read write; delete from audit.restatement; commit",
        "commit; reset role; begin read write; drop schema spectrum cascade; commit",
        "commit; begin read write; copy (select 1) to program 'touch /tmp/written'; commit",
        "select * from audit.writer_lock",
    ],
)
def test_query_reads_what_is_published_and_can_do_nothing_else(home: Home, sql: str) -> None:
    """`commit; begin read write; delete …` deleted: a read-only transaction is a courtesy, and a role is a right."""
    call = home.call("query", sql)
    assert (call.returncode, call.stdout) == (1, "")
    assert "permission denied" in call.stderr or "must be owner" in call.stderr or "read-" in call.stderr
    assert home.rows("select count(*) from audit.writer_lock") == [(0,)]


def test_the_readers_url_reads_what_is_published_and_opens_no_other_database(home: Home) -> None:
    (line,) = [line for line in home.call("status").stdout.splitlines() if line.startswith("to read:")]
    url = line.split()[2]
    with closing(psycopg2.connect(url)) as session, session.cursor() as cursor:
        cursor.execute("select count(*) from public.user_behavior_metric, spectrum.movie_review_clean_stage")
        assert cursor.fetchall() == [(0,)]
        cursor.execute(
            "select table_name from information_schema.table_privileges "
            "where table_schema <> 'pg_catalog' and privilege_type <> 'SELECT'"
        )
        assert cursor.fetchall() == []
    for database in ("shop", "dagster"):
        with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
            psycopg2.connect(url.replace("/warehouse", f"/{database}"))
    assert Stack(home.path).endpoints().warehouse.split(":")[2] != url.split(":")[2]  # the passwords


def test_a_home_that_knows_no_reader_yet_says_what_to_do(home: Home) -> None:
    """Version 0.2.0 made none."""
    stack = Stack(home.path)
    with closing(psycopg2.connect(stack.endpoints().warehouse.replace("user_behaviour:", "postgres:"))) as session:
        session.autocommit = True
        with session.cursor() as cursor:
            cursor.execute("drop owned by user_behaviour_reader; drop role user_behaviour_reader")
            cursor.execute("comment on database warehouse is ''")
    refused = home.call("query", "select count(*) from user_behavior_metric")
    assert refused.returncode == 1
    assert errors(refused)[-1] == "Call `user-behaviour up` once."
    assert home.call("up").returncode == 0
    assert home.call("query", "select count(*) from user_behavior_metric").returncode == 0


def test_an_error_of_the_database_is_one_line(home: Home) -> None:
    call = home.call("query", "select nothing\nfrom nowhere")
    assert (call.returncode, errors(call)) == (1, ['Error: relation "nowhere" does not exist'])
    assert "Traceback" in home.process("--debug", "query", "select nothing from nowhere").stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "--day", "2010-13-01"), "'2010-13-01' is not a day; write it as 2010-12-01, of the"),
        (("run", "--day", "20101201"), "'20101201' is not a day; write it as 2010-12-01, of the"),
        (("run", "--to", "9999-12-31"), "'9999-12-31' is not a day; write it as 2010-12-01, of the"),
        (("run", "--day", "2010-12-01", "--to", "2010-12-02"), "--day is a range of one day"),
        (("run", "--from", "2010-12-02", "--to", "2010-12-01"), "holds no day"),
        (("load-purchases", "/no/such/file.csv"), "does not exist"),
        (("explain", "--customer", "12346"), "Missing option '--day'"),
        (("fly",), "No such command 'fly'"),
    ],
)
def test_a_command_that_is_called_wrongly_says_how_and_exits_with_2(
    home: Home, arguments: tuple[str, ...], said: str
) -> None:
    call = home.call(*arguments)
    assert call.returncode == 2
    assert said in call.stderr


@pytest.mark.parametrize(("module", "name"), EXPECTED_ERRORS)
def test_an_error_that_is_expected_exists(module: str, name: str) -> None:
    assert issubclass(getattr(importlib.import_module(module), name), Exception)


@pytest.mark.parametrize(
    "command",
    ["up", "down", "status", "doctor", "migrate", "generate", "query x", "reconcile", "run", "report", "demo", "env"],
)
def test_a_setting_that_cannot_be_used_is_the_same_line_for_every_command(home: Home, command: str) -> None:
    call = home.call(*command.split(), USER_BEHAVIOUR_DEPLOYMENT="prodd")
    assert call.returncode == 1
    assert errors(call) == [
        "Error: Deployment 'prodd' is unknown; choose one of: aws, local (USER_BEHAVIOUR_DEPLOYMENT)."
    ]


def test_the_shell_completes_the_commands(home: Home) -> None:
    words = {"COMP_WORDS": "user-behaviour re", "COMP_CWORD": "1", "_USER_BEHAVIOUR_COMPLETE": "bash_complete"}
    completed = home.run([str(Path(sys.executable).with_name("user-behaviour"))], **words)
    assert completed.stdout.split() == ["plain,reconcile", "plain,report"]
