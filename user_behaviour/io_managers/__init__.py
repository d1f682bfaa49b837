"""The IO managers: one day or many in, published whole or not at all."""
