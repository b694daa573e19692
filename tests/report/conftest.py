"""A published study, for the tests that ask for one."""

from publications import published, published_once, records  # noqa: F401
