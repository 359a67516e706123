"""``python -m anp.cli``, where no script is installed."""

from anp.cli import main

main()
