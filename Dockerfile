# Two stages: the first installs from the lock file and prepares the models, the second holds nothing else.
FROM python:3.11-slim-bookworm AS build
WORKDIR /build
RUN python -m venv /opt/facepass
ENV PATH=/opt/facepass/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements/run.txt requirements/run.txt
RUN pip install --no-deps --require-hashes -r requirements/run.txt
COPY pyproject.toml README.md ./
COPY src src
COPY migrations migrations
RUN pip install --no-deps --no-build-isolation . && MODELS_DIR=/opt/models facepass models prepare

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --no-create-home facepass && install -d -o facepass /data
COPY --from=build /opt/facepass /opt/facepass
COPY --from=build --chown=facepass /opt/models /opt/models
ENV PATH=/opt/facepass/bin:$PATH API_HOST=0.0.0.0 DATA_DIR=/data MODELS_DIR=/opt/models
USER facepass
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/ready', timeout=2)"]
CMD ["facepass", "serve"]
