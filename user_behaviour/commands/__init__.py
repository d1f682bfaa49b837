"""The commands of `user-behaviour`, and what they are made of: runs in this process, their display, explanations."""
