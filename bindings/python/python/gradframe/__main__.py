"""`python -m gradframe` is the `gradframe` command."""

from gradframe._command import main

main()
