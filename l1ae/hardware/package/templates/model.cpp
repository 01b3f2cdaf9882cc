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

}  // namespace {{ model }}

extern "C" __attribute__((visibility("default"))) hls4mlEmulator::Model *create_model() { return new {{ model }}::Emulator; }
extern "C" __attribute__((visibility("default"))) void destroy_model(hls4mlEmulator::Model *model) { delete model; }
