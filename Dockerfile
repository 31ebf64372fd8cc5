# docker build -t botwright . && docker run -p 8080:8080 -e DATABASE_URL=… -e BOTWRIGHT_MASTER_KEY=… botwright

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
# aws-lc and ring are partly C.
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev make && rm -rf /var/lib/apt/lists/*
COPY . .
RUN cargo build --release --locked && strip target/release/botwright

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --home-dir /app --shell /usr/sbin/nologin botwright \
    && install -d -o botwright -g botwright /app /app/data
WORKDIR /app
COPY --from=build /src/target/release/botwright /usr/local/bin/botwright
COPY --chown=botwright:botwright bots bots
USER botwright
ENV DATA_DIR=/app/data BOTS_DIR=/app/bots LOG_FORMAT=json
EXPOSE 8080
CMD ["botwright", "serve"]
