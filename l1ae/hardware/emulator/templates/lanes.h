/* Arithmetic on sixteen events side by side, in vectors of the compiler: the helpers of scalar.h, lane by lane.
 * What one instruction of the processor does is used where the compiler says that there is one. */
#include <stdint.h>
#include <string.h>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

enum { LANES = 16 };
typedef int32_t W32 __attribute__((vector_size(4 * LANES)));
typedef int64_t W64 __attribute__((vector_size(8 * LANES)));
typedef uint32_t U32 __attribute__((vector_size(4 * LANES)));
typedef uint64_t U64 __attribute__((vector_size(8 * LANES)));
typedef float F32 __attribute__((vector_size(4 * LANES)));

static inline W64 wide(W32 x) { return __builtin_convertvector(x, W64); }
static inline W32 narrow(W64 x) { return __builtin_convertvector(x, W32); }
static inline W32 zero32() { return W32{}; }
static inline W64 zero64() { return W64{}; }
static inline W32 all32(int32_t x) { return W32{} + x; }
static inline W32 min32(W32 a, W32 b) { return a < b ? a : b; }
static inline W64 min64(W64 a, W64 b) { return a < b ? a : b; }
static inline W32 max32(W32 a, W32 b) { return a > b ? a : b; }
static inline W64 max64(W64 a, W64 b) { return a > b ? a : b; }
static inline W32 min32(W32 a, int32_t b) { return min32(a, W32{} + b); }
static inline W64 min64(W64 a, int64_t b) { return min64(a, W64{} + b); }
static inline W32 max32(W32 a, int32_t b) { return max32(a, W32{} + b); }
static inline W64 max64(W64 a, int64_t b) { return max64(a, W64{} + b); }
static inline W32 times32(W32 x, int n) { return (W32)((U32)x << n); }
static inline W64 times64(W64 x, int n) { return (W64)((U64)x << n); }
static inline W32 down32(W32 x, int n) { return x >> n; }
static inline W64 down64(W64 x, int n) { return x >> n; }
static inline W32 even32(W32 x, int n) { return (x + (((int32_t)1 << (n - 1)) - 1) + ((x >> n) & 1)) >> n; }
static inline W64 even64(W64 x, int n) { return (x + (((int64_t)1 << (n - 1)) - 1) + ((x >> n) & 1)) >> n; }
static inline W32 wrap32(W32 x, int width, int is_signed)
{
  uint32_t low = is_signed ? (uint32_t)1 << (width - 1) : 0, mask = ((uint32_t)1 << width) - 1;
  return (W32)((((U32)x + low) & mask) - low);
}
static inline W64 wrap64(W64 x, int width, int is_signed)
{
  uint64_t low = is_signed ? (uint64_t)1 << (width - 1) : 0, mask = ((uint64_t)1 << width) - 1;
  return (W64)((((U64)x + low) & mask) - low);
}
static inline W32 leaky32(W32 x, int n) { return x < 0 ? x : times32(x, n); }
static inline W64 leaky64(W64 x, int n) { return x < 0 ? x : times64(x, n); }
static inline W32 lookup32(const int32_t *table, W32 x)
{
#if defined(__AVX512F__)
  return (W32)_mm512_i32gather_epi32((__m512i)x, table, 4);
#else
  W32 y;
  for (int lane = 0; lane < LANES; ++lane) y[lane] = table[x[lane]];
  return y;
#endif
}
static inline W64 lookup64(const int64_t *table, W32 x)
{
  W64 y;
  for (int lane = 0; lane < LANES; ++lane) y[lane] = table[x[lane]];
  return y;
}

/* Sums of products of one layer: eight outputs at a time, their weights side by side. */

enum { GROUP = 8 };

/* sum + the two products of the 16-bit halves of a lane. */
static inline W32 dot2(W32 sum, W32 x, int32_t weights)
{
  W32 w = all32(weights);
#if defined(__AVX512VNNI__)
  return (W32)_mm512_dpwssd_epi32((__m512i)sum, (__m512i)x, (__m512i)w);
#elif defined(__AVX512BW__)
  return sum + (W32)_mm512_madd_epi16((__m512i)x, (__m512i)w);
#elif defined(__AVX2__)
  union { W32 all; __m256i parts[2]; } a = {x}, b = {w};
  for (int i = 0; i < 2; ++i) a.parts[i] = _mm256_madd_epi16(a.parts[i], b.parts[i]);
  return sum + a.all;
#elif defined(__SSE2__)
  union { W32 all; __m128i parts[4]; } a = {x}, b = {w};
  for (int i = 0; i < 4; ++i) a.parts[i] = _mm_madd_epi16(a.parts[i], b.parts[i]);
  return sum + a.all;
#else
  return sum + ((times32(x, 16) >> 16) * (times32(w, 16) >> 16) + (x >> 16) * (w >> 16));
#endif
}

/* sum + the four products of the unsigned bytes of x with the signed ones of the weights. */
static inline W32 dot4(W32 sum, W32 x, int32_t weights)
{
  W32 w = all32(weights);
#if defined(__AVX512VNNI__)
  return (W32)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)x, (__m512i)w);
#else
  for (int n = 0; n < 32; n += 8) sum += ((x >> n) & 255) * (times32(w, 24 - n) >> 24);
  return sum;
#endif
}

static inline W32 dot1(W32 sum, W32 x, int32_t weight) { return sum + x * weight; }
static inline W64 dot1(W64 sum, W64 x, int64_t weight) { return sum + x * weight; }
static inline F32 dot1(F32 sum, F32 x, float weight) { return sum + x * weight; }

template <class T> static inline T at(const T *x, const int32_t *windows, int i)
{
  int place = windows ? windows[i] : i;
  return place < 0 ? T{} : x[place];
}

/* All sums of one position: `weights` are [group of outputs][K][GROUP], `x` has K words. */
template <int K, int F, class T, class W, class Dot>
static inline void sums_of(const T *x, const W *weights, const W *start, T *y, Dot dot)
{
  for (int first = 0; first < F; first += GROUP, weights += K * GROUP) {
    T sum[GROUP];
    for (int j = 0; j < GROUP; ++j) sum[j] = T{} + (first + j < F ? start[first + j] : W(0));
    for (int i = 0; i < K; ++i)
      for (int j = 0; j < GROUP; ++j) sum[j] = dot(sum[j], x[i], weights[i * GROUP + j]);
    for (int j = 0; j < GROUP; ++j)
      if (first + j < F) y[first + j] = sum[j];
  }
}

/* P positions, K operands under each, F outputs. */
template <int P, int K, int F>
static void quads(const W32 *x, const int32_t *windows, const int32_t *weights, const int32_t *start, int offset, W32 *y)
{
  enum { N = (K + 3) / 4 };
  for (int p = 0; p < P; ++p, y += F) {
    const int32_t *under = windows ? windows + p * K : windows;
    W32 packed[N];
    for (int i = 0; i < N; ++i) {
      packed[i] = zero32();
      for (int j = 0; j < 4; ++j)
        if (4 * i + j < K) packed[i] |= times32((at(x, under, 4 * i + j) + offset) & 255, 8 * j);
    }
    sums_of<N, F>(packed, weights, start, y, [](W32 s, W32 a, int32_t w) { return dot4(s, a, w); });
  }
}

template <int P, int K, int F>
static void pairs(const W32 *x, const int32_t *windows, const int32_t *weights, const int32_t *start, int, W32 *y)
{
  enum { N = (K + 1) / 2 };
  for (int p = 0; p < P; ++p, y += F) {
    const int32_t *under = windows ? windows + p * K : windows;
    W32 packed[N];
    for (int i = 0; i < N; ++i) {
      packed[i] = at(x, under, 2 * i) & 65535;
      if (2 * i + 1 < K) packed[i] |= times32(at(x, under, 2 * i + 1), 16);
    }
    sums_of<N, F>(packed, weights, start, y, [](W32 s, W32 a, int32_t w) { return dot2(s, a, w); });
  }
}

template <int P, int K, int F>
static void floats(const W32 *x, const int32_t *windows, const float *weights, const float *start, int, W32 *y)
{
  for (int p = 0; p < P; ++p, y += F) {
    const int32_t *under = windows ? windows + p * K : windows;
    F32 operands[K], sums[F];
    for (int i = 0; i < K; ++i) operands[i] = __builtin_convertvector(at(x, under, i), F32);
    sums_of<K, F>(operands, weights, start, sums, [](F32 s, F32 a, float w) { return dot1(s, a, w); });
    for (int j = 0; j < F; ++j) y[j] = __builtin_convertvector(sums[j], W32);
  }
}

template <int P, int K, int F, class T, class W>
static void words_of(const T *x, const int32_t *windows, const W *weights, const W *start, T *y)
{
  for (int p = 0; p < P; ++p, y += F) {
    const int32_t *under = windows ? windows + p * K : windows;
    T operands[K];
    for (int i = 0; i < K; ++i) operands[i] = at(x, under, i);
    sums_of<K, F>(operands, weights, start, y, [](T s, T a, W w) { return dot1(s, a, w); });
  }
}
template <int P, int K, int F>
static void words32(const W32 *x, const int32_t *windows, const int32_t *weights, const int32_t *start, int, W32 *y)
{
  words_of<P, K, F>(x, windows, weights, start, y);
}
template <int P, int K, int F>
static void words64(const W64 *x, const int32_t *windows, const int64_t *weights, const int64_t *start, int, W64 *y)
{
  words_of<P, K, F>(x, windows, weights, start, y);
}
