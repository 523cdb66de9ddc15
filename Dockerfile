# Built in one stage, run in another: the image holds Python, the packages and the seed release, and nothing to build with.
# docs/operate.md says how to build on a base named by its digest, which is the same for everybody and for ever.
FROM python:3.11-slim AS build

WORKDIR /build
RUN python3 -m venv /opt/archive && python3 -m venv /opt/audit
COPY requirements ./requirements
# Nothing is installed whose hash is not written down, and nothing but wheels, since building from source runs foreign
# code; of bagit alone there is none.
RUN /opt/archive/bin/pip install --quiet --no-cache-dir --disable-pip-version-check --require-hashes --only-binary :all: --no-binary bagit -r requirements/run.txt \
    && /opt/audit/bin/pip install --quiet --no-cache-dir --disable-pip-version-check --require-hashes --only-binary :all: -r requirements/audit.txt
COPY pyproject.toml README.md LICENSE ./
COPY service ./service
COPY seed ./seed
# pip and setuptools are not needed any more, nor what Babel knows of languages that the reading room does not speak, nor
# what guesses Ukrainian words that the dictionary does not have, what colours source code, other databases than SQLite, and what
# another Python than CPython needs. Compiled here, since the running container may not write.
RUN /opt/archive/bin/pip install --quiet --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation . \
    && /opt/archive/bin/pip uninstall --quiet --yes setuptools pip \
    && find /opt/archive -name tests -type d -prune -exec rm -rf {} + \
    && find /opt/archive -path '*/babel/locale-data/*' -name '*.dat' -regextype posix-extended ! -regex '.*/(root|ar|en|en_001|en_GB|es|fr|ru|uk)[.]dat' -delete \
    && find /opt/archive \( -path '*/pymorphy3_dicts_uk/data/prediction-*' -o -path '*/pymorphy3_dicts_uk/data/gram*' \) -delete \
    && find /opt/archive -path '*/pygments/lexers/*' -type f ! -name '__init__.py' ! -name '_mapping.py' -delete \
    && find /opt/archive \( -path '*/zstandard/_cffi*' -o -path '*/sqlalchemy/testing/*' -o -path '*/sqlalchemy/dialects/mysql/*' -o -path '*/sqlalchemy/dialects/oracle/*' -o -path '*/sqlalchemy/dialects/mssql/*' -o -path '*/sqlalchemy/dialects/postgresql/*' -o -path '*/pycparser/*.py' -o -name 'redoc.standalone.js' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.pyi' \) -type f -delete \
    && python3 -m compileall -q /opt/archive/lib
# What is inside, for whoever checks images (CycloneDX).
RUN /opt/audit/bin/cyclonedx-py environment --output-reproducible --output-file /opt/archive/sbom.json /opt/archive/bin/python3
# The seed is published now, so that a container answers within a second.
# /replica is empty: a data folder for releases that come from a depot or from another archive.
RUN mkdir /data /replica && /opt/archive/bin/testimony-archive publish seed/archive.json --data /data


FROM python:3.11-slim

COPY --from=build /opt/archive /opt/archive
COPY --from=build --chown=10001:10001 /data /data
COPY --from=build --chown=10001:10001 /replica /replica

ENV PATH=/opt/archive/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TESTIMONY_ARCHIVE_DATA=/data \
    TESTIMONY_ARCHIVE_HOST=0.0.0.0

# A number, not a name: Kubernetes can then see that it is not root.
USER 10001:10001
VOLUME /data
EXPOSE 8000

HEALTHCHECK --interval=10s --timeout=3s --start-period=15s \
    CMD ["python3", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ.get('TESTIMONY_ARCHIVE_PORT', '8000') + '/readyz', timeout=2)"]

STOPSIGNAL SIGTERM
ENTRYPOINT ["testimony-archive"]
CMD ["serve"]
