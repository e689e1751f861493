"""`python -m maml_explorer`."""

import sys

from maml_explorer.cli import main

sys.exit(main())
