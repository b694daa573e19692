"""What lies in a folder of records."""

from __future__ import annotations

from pathlib import Path

from harness.records.store import read_record


def unreadable_records(results_dir: Path) -> list[Path]:
    """Files that lie where records do and are none."""
    return [path for path in sorted((results_dir / "records").glob("*.json")) if read_record(path) is None]
