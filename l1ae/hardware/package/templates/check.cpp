/* Loads a library as an experiment does and compares it with the expected integers: check LIBRARY VECTORS.
 * Exit code 0 when every word is equal, 1 when one differs, 2 when the library or the vectors cannot be used. */
#include <dlfcn.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include MODEL_HEADER
#include "hls4ml/emulator.h"

namespace {

enum { THREADS = 4 };
typedef std::vector<long long> Event; /* inputs, then expected words */

std::vector<Event> read(const char *path)
{
  std::ifstream file(path);
  if (!file) throw std::runtime_error(std::string("cannot read ") + path);
  std::vector<Event> events;
  std::string line;
  while (std::getline(file, line)) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    Event event;
    for (long long word; words >> word;) event.push_back(word);
    if (!words.eof() || event.size() != size_t(MODEL::n_inputs + MODEL::n_results))
      throw std::runtime_error(std::string(path) + " is damaged: a line is no event of this model");
    events.push_back(event);
  }
  if (events.empty()) throw std::runtime_error(std::string(path) + " holds no events");
  return events;
}

struct Library {
  explicit Library(const char *path) : handle(dlopen(path, RTLD_LAZY | RTLD_LOCAL))
  {
    if (handle == nullptr) throw std::runtime_error(dlerror());
    create = reinterpret_cast<hls4mlEmulator::Model *(*)()>(dlsym(handle, "create_model"));
    destroy = reinterpret_cast<void (*)(hls4mlEmulator::Model *)>(dlsym(handle, "destroy_model"));
    if (create == nullptr || destroy == nullptr) throw std::runtime_error(std::string(path) + " is no emulator");
  }
  ~Library()
  {
    if (handle != nullptr) dlclose(handle);
  }
  void *handle;
  hls4mlEmulator::Model *(*create)();
  void (*destroy)(hls4mlEmulator::Model *);
};

/* How many of every `step`-th event from `first` on differ. */
long differing(const Library &library, const std::vector<Event> &events, size_t first, size_t step)
{
  hls4mlEmulator::Model *model = library.create();
  long wrong = 0;
  for (size_t i = first; i < events.size(); i += step) {
    MODEL::input_t inputs[MODEL::n_inputs];
    MODEL::result_t results[MODEL::n_results];
    for (int j = 0; j < MODEL::n_inputs; ++j) MODEL::set_input(inputs[j], events[i][j]);
    model->prepare_input(static_cast<MODEL::input_t *>(inputs));
    model->predict();
    model->read_result(static_cast<MODEL::result_t *>(results));
    bool equal = true;
    for (int j = 0; j < MODEL::n_results; ++j)
      equal = equal && MODEL::result_word(results[j]) == events[i][MODEL::n_inputs + j];
    if (!equal && wrong++ == 0)
      std::fprintf(stderr, "vector %zu: %lld instead of %lld\n", i, MODEL::result_word(results[0]),
                   events[i][MODEL::n_inputs]);
  }
  library.destroy(model);
  return wrong;
}

}  // namespace

int main(int count, char **arguments)
{
  if (count != 3) return std::fprintf(stderr, "usage: %s LIBRARY VECTORS\n", arguments[0]), 2;
  try {
    const std::vector<Event> events = read(arguments[2]);
    const Library library(arguments[1]);
    long wrong = differing(library, events, 0, 1);
    std::atomic<long> beside(0), failed(0);
    std::vector<std::thread> threads;
    for (size_t i = 0; i < THREADS; ++i)
      threads.emplace_back([&, i] {
        try {
          beside += differing(library, events, i, THREADS);
        } catch (const std::exception &) {
          ++failed;
        }
      });
    for (std::thread &thread : threads) thread.join();
    std::printf("%s: %ld of %zu vectors differ, %ld on %d threads\n", arguments[1], wrong, events.size(), beside.load(),
                int(THREADS));
    return wrong || beside || failed ? 1 : 0;
  } catch (const std::exception &error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 2;
  }
}
