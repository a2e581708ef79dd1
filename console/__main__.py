"""`python -m console` is `watchroom`."""

from console.cli import main

main()
