"""What only some of the versions that are supported can do."""

from __future__ import annotations

from importlib.metadata import version

import pytest
from packaging.version import Version

KERAS_HAS_RENORM = Version(version("keras")) >= Version("3.14")
needs_renorm = pytest.mark.skipif(not KERAS_HAS_RENORM, reason="batch renormalization came with Keras 3.14")
