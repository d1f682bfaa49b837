"""`generate`, `load-purchases` and `deliver`: what the shop sells and the vendor sends."""

from __future__ import annotations

import io
import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from user_behaviour.commands.parameters import day_range, day_range_options
from user_behaviour.commands.stack import own_stack
from user_behaviour.deployments import deployment, embedded_stack, settings
from user_behaviour.local.purchase_lines import DATES

if TYPE_CHECKING:
    from user_behaviour.local.shop_data import Loaded

SEED = 20101201
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@day_range_options
@click.option(
    "--scale", type=float, default=1.0, show_default=True, help="1 is about 540,000 lines and 25,000 reviews."
)
@click.option("--seed", type=int, default=SEED, show_default=True, help="The same seed gives the same data.")
def generate(first: date | None, last: date | None, scale: float, seed: int) -> None:
    """Make sample purchases, vendor files and labelled reviews, in place of what is there.

    Without a range all of it is replaced, by 2010-12-01 to 2011-12-09.
    """
    from user_behaviour.local.shop_data import generate_files, generate_labels, generate_purchases
    from user_behaviour.sample.calendar import OPENED, YEAR_END
    from user_behaviour.sample.shop import Shop, UnusableSample

    days = day_range(first or OPENED, last or YEAR_END)
    everything = first is None and last is None
    try:
        shop = Shop(seed, scale)
    except UnusableSample as error:
        raise click.UsageError(str(error)) from error
    started = time.monotonic()
    loaded = generate_purchases(_shop(), shop, days, whole_table=everything)
    click.echo(_description(loaded))
    drop = settings().home / "vendor"
    files = generate_files(drop, shop, days, whole_drop=everything)
    click.echo(f"{files:,} vendor files of {days.first} to {days.last} in {drop}.")
    click.echo(f"Labelled reviews, to train a classifier by, in {generate_labels(settings().home, shop)}.")
    click.echo(f"Made from seed {seed} at scale {scale:g} in {time.monotonic() - started:.1f} s.")


def _encoding(ctx: click.Context, param: click.Parameter, value: str) -> str:
    try:
        io.TextIOWrapper(io.BytesIO(), value)
    except LookupError:
        raise click.BadParameter(
            f"{value!r} is no encoding; try utf-8, latin-1, cp1252 or utf-16.", ctx, param
        ) from None
    return value


@click.command("load-purchases")
@click.argument("files", nargs=-1, required=True, type=FILE, metavar="FILE…")
@click.option("--encoding", default="utf-8", callback=_encoding, help="Of CSV files: utf-8, or latin-1 as Kaggle's.")
@click.option("--dates", type=click.Choice(DATES), help="What 1/12/2010 means; zoned: take times with a zone, in UTC.")
def load_purchases(files: tuple[Path, ...], encoding: str, dates: str | None) -> None:
    """Load purchases in place of what is there, from the public Online Retail files as they are downloaded.

    CSV or .xlsx, plain, in .gz or .zip, with the columns InvoiceNo to Country in any order. What can be read in two
    ways is refused, with the option that decides.
    """
    from user_behaviour.local.purchase_lines import Reading
    from user_behaviour.local.shop_data import load_purchases as load

    reading = Reading(settings().first_day, encoding, dates)
    click.echo(_description(load(_shop(), files, reading)))


@click.command()
@click.argument("files", nargs=-1, required=True, type=FILE, metavar="FILE…")
def deliver(files: tuple[Path, ...]) -> None:
    """Copy files to where the vendor drops them, each whole or not at all."""
    from user_behaviour.local.shop_data import deliver as put
    from user_behaviour.vendor.file_name import day_of

    drop = own_stack().home / "vendor"
    delivered = put(drop, files)
    for path in delivered:
        click.echo(f"Delivered {path.name} ({path.stat().st_size:,} bytes).")
    days = sorted({day for path in delivered if (day := day_of(path.name))})
    click.echo(
        f"They lie in {drop}. The sensor vendor_files lands them where `user-behaviour dev` runs and the sensor is on; "
        f"else: user-behaviour run --from {days[0]} --to {days[-1]}"
    )


def _shop() -> str:
    """The source database: the embedded one, or elsewhere one whose purchases are still empty."""
    from user_behaviour.local.shop_data import require_empty

    if embedded_stack(settings()):
        return own_stack().endpoints().shop
    url = deployment(settings()).initialized().source.dsn()
    require_empty(url)
    return url


def _description(loaded: Loaded) -> str:
    if not loaded.lines:
        return "retail.user_purchase is empty."
    return f"{loaded.lines:,} purchase lines in retail.user_purchase, {loaded.first_day} to {loaded.last_day}."
