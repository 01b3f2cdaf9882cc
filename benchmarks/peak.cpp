/* Products per second that one core can add up: the instructions of the emulator with nothing around them. */
#include "lanes.h"

#if defined(__AVX512VNNI__)
enum { PRODUCTS = 4 * LANES };
#define DOT dot4
#else
enum { PRODUCTS = 2 * LANES };
#define DOT dot2
#endif

/* Runs `rounds` rounds of 16 independent sums; the number of products of a round. */
extern "C" int64_t run(int64_t rounds, int32_t seed, int32_t *kept)
{
  W32 sums[16], x = all32(seed);
  for (int i = 0; i < 16; ++i) sums[i] = all32(i);
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) sums[i] = DOT(sums[i], x, seed);
    asm volatile("" : "+x"(x)); /* so that no round is taken for another */
  }
  for (int i = 0; i < 16; ++i) sums[0] += sums[i];
  *kept = sums[0][0];
  return 16 * PRODUCTS;
}
