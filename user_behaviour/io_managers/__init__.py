"""The IO managers: store and load one day of an asset or many, and publish each day whole or not at all."""
