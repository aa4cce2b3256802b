# syntax=docker/dockerfile:1
# One image for every process: ENTRYPOINT is the command, the container's arguments are its words.

FROM python:3.13-slim-trixie AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
# The locked dependencies first: they change seldom, so that this layer is kept when only the code changes.
COPY requirements/runtime.txt /src/requirements/runtime.txt
RUN /opt/venv/bin/pip install --require-hashes --only-binary :all: -r /src/requirements/runtime.txt
RUN python -m venv /opt/build && /opt/build/bin/pip install "setuptools>=77"
COPY . /src
# Without isolation and without dependencies: nothing but what is locked gets into the image.
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /dist /src \
 && /opt/venv/bin/pip install --no-deps /dist/*.whl \
 && /opt/venv/bin/pip uninstall --yes pip

FROM python:3.13-slim-trixie
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 INGRESS_HOST=0.0.0.0 INGRESS_PORT=8000
RUN groupadd --gid 10001 app && useradd --uid 10001 --gid app --no-create-home --shell /usr/sbin/nologin app
COPY --from=build /opt/venv /opt/venv
USER 10001:10001
WORKDIR /tmp
EXPOSE 8000
STOPSIGNAL SIGTERM
# Of the ingress; a container that runs something else brings its own, or none.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --start-interval=2s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["person-changes"]
CMD ["ingress"]
