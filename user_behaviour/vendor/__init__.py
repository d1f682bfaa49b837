"""The vendor's drop and its review files: where they lie, how they are read, how a day of them lands."""
