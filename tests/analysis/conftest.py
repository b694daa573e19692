"""Makes `synthetic` importable: these tests have no package of their own."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
