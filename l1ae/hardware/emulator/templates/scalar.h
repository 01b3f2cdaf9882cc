/* Arithmetic: plain C99, no libraries. Right shifts of negative words keep the sign, as in every known compiler. */
static inline int64_t wide(int32_t x) { return x; }
static inline int32_t narrow(int64_t x) { return (int32_t)x; }
static inline int32_t zero32(void) { return 0; }
static inline int32_t min32(int32_t a, int32_t b) { return a < b ? a : b; }
static inline int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int32_t max32(int32_t a, int32_t b) { return a > b ? a : b; }
static inline int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int32_t times32(int32_t x, int n) { return (int32_t)((uint32_t)x << n); }
static inline int64_t times64(int64_t x, int n) { return (int64_t)((uint64_t)x << n); }
static inline int32_t down32(int32_t x, int n) { return x >> n; }
static inline int64_t down64(int64_t x, int n) { return x >> n; }
static inline int32_t even32(int32_t x, int n) { return (x + (((int32_t)1 << (n - 1)) - 1) + ((x >> n) & 1)) >> n; }
static inline int64_t even64(int64_t x, int n) { return (x + (((int64_t)1 << (n - 1)) - 1) + ((x >> n) & 1)) >> n; }
static inline int32_t wrap32(int32_t x, int width, int is_signed)
{
  uint32_t low = is_signed ? (uint32_t)1 << (width - 1) : 0, mask = ((uint32_t)1 << width) - 1;
  return (int32_t)((((uint32_t)x + low) & mask) - low);
}
static inline int64_t wrap64(int64_t x, int width, int is_signed)
{
  uint64_t low = is_signed ? (uint64_t)1 << (width - 1) : 0, mask = ((uint64_t)1 << width) - 1;
  return (int64_t)((((uint64_t)x + low) & mask) - low);
}
static inline int32_t leaky32(int32_t x, int n) { return x < 0 ? x : times32(x, n); }
static inline int64_t leaky64(int64_t x, int n) { return x < 0 ? x : times64(x, n); }
static inline int32_t lookup32(const int32_t *table, int32_t x) { return table[x]; }
static inline int64_t lookup64(const int64_t *table, int32_t x) { return table[x]; }
static inline int64_t zero64(void) { return 0; }
static inline void linear32(const int32_t *x, const int32_t *windows, const int32_t *weights, const int32_t *start,
                            int positions, int k, int f, int32_t *sums)
{
  for (int p = 0; p < positions; ++p) {
    int32_t *y = sums + p * f;
    for (int j = 0; j < f; ++j) y[j] = start[j];
    for (int i = 0; i < k; ++i) {
      int place = windows ? windows[p * k + i] : i;
      if (place < 0) continue;
      for (int j = 0; j < f; ++j) y[j] += x[place] * weights[i * f + j];
    }
  }
}
static inline void linear64(const int64_t *x, const int32_t *windows, const int64_t *weights, const int64_t *start,
                            int positions, int k, int f, int64_t *sums)
{
  for (int p = 0; p < positions; ++p) {
    int64_t *y = sums + p * f;
    for (int j = 0; j < f; ++j) y[j] = start[j];
    for (int i = 0; i < k; ++i) {
      int place = windows ? windows[p * k + i] : i;
      if (place < 0) continue;
      for (int j = 0; j < f; ++j) y[j] += x[place] * weights[i * f + j];
    }
  }
}
