"""What the API answers, in the order in which its description shows it."""

from service.api.routes import (
    archive,
    changes,
    collections,
    docs,
    entrance,
    files,
    health,
    history,
    releases,
    search,
    texts,
    vocabularies,
)
from service.http.application import Part

PARTS = (
    Part(entrance.router),
    Part(archive.router),
    Part(collections.router, collections.AT_ONCE),
    Part(vocabularies.router),
    Part(search.router),
    Part(texts.router),
    Part(files.router),
    Part(history.router),
    Part(changes.router),
    Part(releases.router),
    Part(health.router),
    Part(docs.router),
)
