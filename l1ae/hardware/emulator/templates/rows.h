/* Sixteen events in, sixteen out. Needs IN and OUT, the types of the words, N and M, how many of them an event has. */

#if defined(__AVX512F__)
enum { FAST_ROWS = sizeof(IN) <= 4 };
#else
enum { FAST_ROWS = 0 };
#endif
/* Columns that one 64-byte word of a row holds, and bytes of a row that are read. */
enum { COLUMNS = 64 / sizeof(IN), READ = FAST_ROWS ? (N + COLUMNS - 1) / COLUMNS * 64 : N * sizeof(IN) };
enum { PADDED = READ / sizeof(IN) };
typedef OUT OUTS __attribute__((vector_size(sizeof(OUT) * LANES)));
typedef WORDS Words;

#if defined(__AVX512F__)
/* Rows become columns: 32-bit words. */
static inline void transpose(__m512i *a)
{
  __m512i b[16];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    b[2 * i] = _mm512_unpacklo_epi32(a[2 * i], a[2 * i + 1]);
    b[2 * i + 1] = _mm512_unpackhi_epi32(a[2 * i], a[2 * i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    a[i] = _mm512_unpacklo_epi64(b[i], b[i + 2]);
    a[i + 1] = _mm512_unpackhi_epi64(b[i], b[i + 2]);
    a[i + 2] = _mm512_unpacklo_epi64(b[i + 1], b[i + 3]);
    a[i + 3] = _mm512_unpackhi_epi64(b[i + 1], b[i + 3]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    b[i] = _mm512_shuffle_i32x4(a[i], a[i + 4], 0x88);
    b[i + 4] = _mm512_shuffle_i32x4(a[i], a[i + 4], 0xdd);
    b[i + 8] = _mm512_shuffle_i32x4(a[i + 8], a[i + 12], 0x88);
    b[i + 12] = _mm512_shuffle_i32x4(a[i + 8], a[i + 12], 0xdd);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    a[i] = _mm512_shuffle_i32x4(b[i], b[i + 8], 0x88);
    a[i + 4] = _mm512_shuffle_i32x4(b[i + 4], b[i + 12], 0x88);
    a[i + 8] = _mm512_shuffle_i32x4(b[i], b[i + 8], 0xdd);
    a[i + 12] = _mm512_shuffle_i32x4(b[i + 4], b[i + 12], 0xdd);
  }
}

static inline void fast_rows(const IN *rows, W32 *words)
{
  for (int first = 0; first < PADDED; first += COLUMNS) {
    __m512i a[LANES];
#pragma GCC unroll 16
    for (int lane = 0; lane < LANES; ++lane) a[lane] = _mm512_loadu_si512((const void *)(rows + lane * N + first));
    transpose(a);
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) {
      if (sizeof(IN) == 4) {
        words[first + i] = (W32)a[i];
      } else {
        words[first + 2 * i] = times32((W32)a[i], 16) >> 16;
        words[first + 2 * i + 1] = (W32)a[i] >> 16;
      }
    }
  }
}
#else
static inline void fast_rows(const IN *, W32 *) {}
#endif
static inline void fast_rows(const IN *, W64 *) {}

/* The columns of sixteen rows; a fast reading reads READ bytes from the start of each. */
static inline void columns(const IN *rows, Words *words)
{
  if (FAST_ROWS) {
    fast_rows(rows, words);
    return;
  }
  for (int i = 0; i < N; ++i)
    for (int lane = 0; lane < LANES; ++lane) words[i][lane] = rows[lane * N + i];
}

template <class T> static inline void put(OUT *out, int place, T x)
{
  if (M == 1) {
    OUTS y = __builtin_convertvector(x, OUTS);
    memcpy(out, &y, sizeof y);
    return;
  }
  for (int lane = 0; lane < LANES; ++lane) out[lane * M + place] = (OUT)x[lane];
}
