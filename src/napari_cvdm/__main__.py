"""``python -m napari_cvdm``: the command line, where its script is not on the path."""

import sys

from napari_cvdm.cli import main

sys.exit(main())
