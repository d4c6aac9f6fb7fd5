"""`python -m facepass`: the command line, also where its script is not on the path."""

from facepass.entrypoints.cli.main import main

main(prog_name="facepass")
