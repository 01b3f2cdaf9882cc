
/* `events` rows of N words at `words` to as many of M words at `out`. */
extern "C" __attribute__((visibility("default"))) void l1ae_run(const IN *words, OUT *out, int64_t events)
{
  int64_t size = events * N * (int64_t)sizeof(IN);
  for (int64_t event = 0; event < events; event += LANES) {
    const IN *rows = words + event * N;
    int64_t end = (event + LANES - 1) * N * (int64_t)sizeof(IN) + READ;
    if (event + LANES <= events && end <= size) {
      block(rows, out + event * M);
    } else {
      IN copy[(LANES - 1) * N + PADDED] = {};
      OUT result[LANES * M];
      int64_t left = events - event < LANES ? events - event : LANES;
      memcpy(copy, rows, left * N * sizeof(IN));
      block(copy, result);
      memcpy(out + event * M, result, left * M * sizeof(OUT));
    }
  }
}

/* What the library was made of, so that another one is not taken for it. */
extern "C" __attribute__((visibility("default"))) const char *l1ae_digest(void) { return DIGEST; }
