"""`python -m facepass.entrypoints.cli`: the command line where the script `facepass` is not on the path."""

from facepass.entrypoints.cli.main import main

if __name__ == "__main__":
    main()
