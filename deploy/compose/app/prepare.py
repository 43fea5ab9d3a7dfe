"""
Makes the tables, 100 articles and the user demo (password demo) in LEGACY_DATA_DIR; with --index also an index on the title.
Safe to run again, and while the app is up.
"""

import os
import sys

import django
from django.core.management import call_command

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "legacy.settings")
django.setup()
call_command("migrate", run_syncdb=True, verbosity=0)

from django.contrib.auth.models import User  # noqa: E402: models can be imported only once Django is set up
from django.db import connection  # noqa: E402
from legacy.models import Article  # noqa: E402

if not User.objects.filter(username="demo").exists():
    User.objects.create_user("demo", password="demo")
if not Article.objects.exists():
    Article.objects.bulk_create(Article(title=f"Article {n}", body="Lorem ipsum. " * 20) for n in range(1, 101))
if "--index" in sys.argv[1:]:
    with connection.cursor() as cursor:
        cursor.execute("CREATE INDEX IF NOT EXISTS legacy_article_title ON legacy_article (title)")
