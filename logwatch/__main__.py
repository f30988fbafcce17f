"""`python -m logwatch` is `logwatch`."""

from logwatch.cli import main

main()
