"""The error of the shop's and the vendor's data: what cannot be taken, or cannot be taken without a word."""


class ShopDataError(Exception):
    """A file that cannot be taken for the shop's or the vendor's; nothing was changed."""
