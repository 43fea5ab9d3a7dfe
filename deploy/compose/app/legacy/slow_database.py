"""
Makes SQLite as slow as a database on a busy disk: with LEGACY_ROW_MS every row that a search looks at costs that long, waiting and
not computing. What a search looks at is up to SQLite's own plan: all rows, or, with an index on the title, those that match.
"""

import time

from django.conf import settings
from django.db.backends.signals import connection_created
from django.db.models import Func, IntegerField


class ReadRow(Func):
    """0, after as long as reading a row takes."""

    function = "legacy_read_row"
    output_field = IntegerField()


def _read_row(_):
    if settings.ROW_MS > 0:
        time.sleep(settings.ROW_MS / 1000)
    return 0


def _add_function(connection, **_):
    connection.connection.create_function("legacy_read_row", 1, _read_row)


connection_created.connect(_add_function)
