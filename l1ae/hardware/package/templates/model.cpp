/* {{ model }} behind the interface of the experiment. Written by l1ae. */
#include <any>
#include <cstdint>
#include <stdexcept>

#include "{{ model }}.h"
#include "hls4ml/emulator.h"

namespace {{ model }} {

#include "circuit.h"

/* Keeps one event between the three calls, and nothing else: every thread needs an object of its own. */
class Emulator final : public hls4mlEmulator::Model {
public:
  /* From a pointer to n_inputs hardware words; scaling them is the first thing that predict does. */
  void prepare_input(std::any input) override
  {
    const input_t *values = pointer<input_t>(input);
    if (values == nullptr) values = pointer<const input_t>(input);
    if (values == nullptr)
      throw std::invalid_argument("{{ model }}: prepare_input takes a pointer to {{ input.size }} x {{ input.type }}");
    for (int i = 0; i < n_inputs; ++i) words_[i] = input_word(values[i]);
    state_ = prepared;
  }

  void predict() override
  {
    if (state_ == empty) throw std::logic_error("{{ model }}: predict was called before prepare_input");
    {{ model }}_event(words_, results_);
    state_ = predicted;
  }

  /* To a pointer to n_results values. */
  void read_result(std::any result) override
  {
    if (state_ != predicted) throw std::logic_error("{{ model }}: read_result was called before predict");
    result_t *values = pointer<result_t>(result);
    if (values == nullptr)
      throw std::invalid_argument("{{ model }}: read_result takes a pointer to {{ result.size }} x {{ result.type }}");
    for (int i = 0; i < n_results; ++i) set_result(values[i], results_[i]);
  }

private:
  template <class T> static T *pointer(const std::any &given)
  {
    T *const *found = std::any_cast<T *>(&given);
    return found == nullptr ? nullptr : *found;
  }

  enum { empty, prepared, predicted } state_ = empty;
  std::int64_t words_[n_inputs] = {}, results_[n_results] = {};
};

/* A library that was compiled with flags for one processor says so on another, before its instructions fail there. */
#if defined(__x86_64__) && defined(__GNUC__)
#define L1AE_NEEDS(feature)                                                                       \
  if (!__builtin_cpu_supports(feature))                                                           \
  throw std::runtime_error("{{ model }} was built for a processor with " feature ", which this one lacks: build it here")
__attribute__((target("arch=x86-64"), noinline)) static void check_processor()
{
#if defined(__AVX__)
  L1AE_NEEDS("avx");
#endif
#if defined(__AVX2__)
  L1AE_NEEDS("avx2");
#endif
#if defined(__FMA__)
  L1AE_NEEDS("fma");
#endif
#if defined(__BMI2__)
  L1AE_NEEDS("bmi2");
#endif
#if defined(__AVX512F__)
  L1AE_NEEDS("avx512f");
#endif
#if defined(__AVX512BW__)
  L1AE_NEEDS("avx512bw");
#endif
#if defined(__AVX512VL__)
  L1AE_NEEDS("avx512vl");
#endif
#if defined(__AVX512DQ__)
  L1AE_NEEDS("avx512dq");
#endif
#if defined(__AVX512VNNI__)
  L1AE_NEEDS("avx512vnni");
#endif
#if defined(__AVX5124FMAPS__)
  L1AE_NEEDS("avx5124fmaps");
#endif
}
#else
static void check_processor() {}
#endif

}  // namespace {{ model }}

extern "C" __attribute__((visibility("default"))) hls4mlEmulator::Model *create_model()
{
  {{ model }}::check_processor();
  return new {{ model }}::Emulator;
}
extern "C" __attribute__((visibility("default"))) void destroy_model(hls4mlEmulator::Model *model) { delete model; }
