"""One module a command, imported only when that command runs, so that help and completion stay quick."""
