"""Measurements that anyone can run: `make bench`."""

import sys
from pathlib import Path

# the benchmark's operation is a plugin like anybody's, found by its entry point
sys.path.append(str(Path(__file__).parent / "plugin"))
