"""`python -m user_behaviour` is the command `user-behaviour`."""

from user_behaviour.commands.cli import main

if __name__ == "__main__":
    main()
