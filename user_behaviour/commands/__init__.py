"""The commands of `user-behaviour`, thin: they read options, call what does the work, and show what came of it."""
