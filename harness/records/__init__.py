"""What lies on disk, and how it is read back as rows: records, archive, grids, locks, frames."""
