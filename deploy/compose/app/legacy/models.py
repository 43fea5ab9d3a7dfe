from django.db import models


class Article(models.Model):
    title = models.CharField(max_length=100)  # without an index: `prepare.py --index` adds it
    body = models.TextField()

    def as_json(self):
        return {"id": self.pk, "title": self.title, "body": self.body}
