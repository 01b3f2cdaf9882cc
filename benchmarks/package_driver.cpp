/* Many events through the library of an emulator package, as software of an experiment calls it, on some threads. */
#include <dlfcn.h>

#include <cstdint>
#include <thread>
#include <vector>

#include MODEL_HEADER
#include "hls4ml/emulator.h"

namespace {

void some(void *library, const int16_t *words, int64_t *scores, int64_t first, int64_t last)
{
  auto create = reinterpret_cast<hls4mlEmulator::Model *(*)()>(dlsym(library, "create_model"));
  auto destroy = reinterpret_cast<void (*)(hls4mlEmulator::Model *)>(dlsym(library, "destroy_model"));
  hls4mlEmulator::Model *model = create();
  for (int64_t event = first; event < last; ++event) {
    MODEL::input_t inputs[MODEL::n_inputs];
    MODEL::result_t results[MODEL::n_results];
    for (int i = 0; i < MODEL::n_inputs; ++i) inputs[i] = static_cast<int>(words[event * MODEL::n_inputs + i]);
    model->prepare_input(static_cast<MODEL::input_t *>(inputs));
    model->predict();
    model->read_result(static_cast<MODEL::result_t *>(results));
    for (int i = 0; i < MODEL::n_results; ++i)
      scores[event * MODEL::n_results + i] = MODEL::result_word(results[i]);
  }
  destroy(model);
}

}  // namespace

/* 0, or 1 when the library cannot be loaded. Words are values: the port has no bits below the point. */
extern "C" int run(const char *path, const int16_t *words, int64_t *scores, int64_t events, int64_t threads)
{
  void *library = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
  if (library == nullptr) return 1;
  std::vector<std::thread> started;
  for (int64_t i = 0; i < threads; ++i)
    started.emplace_back(some, library, words, scores, events * i / threads, events * (i + 1) / threads);
  for (std::thread &thread : started) thread.join();
  dlclose(library);
  return 0;
}
