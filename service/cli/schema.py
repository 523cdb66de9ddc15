"""`testimony-archive schema`."""

from service.archive.model import archive_schema
from service.cli.output import print_json


def schema_command() -> None:
    """Print the JSON Schema of archive.json.

    Example: testimony-archive schema > archive.schema.json
    """
    print_json(archive_schema())
