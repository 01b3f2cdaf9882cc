/* {{ model }}: the types that go in and out. They are part of the interface: a pointer to another type is refused. */
#ifndef {{ model }}_H
#define {{ model }}_H
#include "ap_fixed.h"
#include "ap_int.h"

namespace {{ model }} {

{% for way, port in (("input", input), ("result", result)) %}
typedef {{ port.type }} {{ way }}_t;
constexpr int n_{{ way }}s = {{ port.size }}, {{ way }}_width = {{ port.width }};
constexpr bool {{ way }}_signed = {{ "true" if port.signed else "false" }};
{% endfor %}

/* The integer word of a value: all its bits, with the sign. */
template <int width, bool is_signed, class T> long long word_of(const T &value)
{
  unsigned long long bits = value.range(width - 1, 0).to_uint64();
  if (is_signed && (bits >> (width - 1)) & 1) bits |= ~0ULL << (width - 1);
  return static_cast<long long>(bits);
}
inline long long input_word(const input_t &value) { return word_of<input_width, input_signed>(value); }
inline long long result_word(const result_t &value) { return word_of<result_width, result_signed>(value); }

/* Sets the bits of a value. */
template <int width, class T> void set_word(T &value, long long word)
{
  value.range(width - 1, 0) = ap_uint<width>(static_cast<unsigned long long>(word));
}
inline void set_input(input_t &value, long long word) { set_word<input_width>(value, word); }
inline void set_result(result_t &value, long long word) { set_word<result_width>(value, word); }

}  // namespace {{ model }}

#endif
