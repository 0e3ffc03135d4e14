"""`python -m firewarden` is the `firewarden` command."""

from firewarden.cli import main

main()
