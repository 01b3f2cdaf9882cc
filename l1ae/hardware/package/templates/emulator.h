/* The interface of emulated models, as the software of CMS declares it: a stand-in for trials outside of CMS. */
#ifndef HLS4ML_EMULATOR_H
#define HLS4ML_EMULATOR_H
#include <any>

namespace hls4mlEmulator {

class Model {
public:
  virtual void prepare_input(std::any input) = 0;
  virtual void predict() = 0;
  virtual void read_result(std::any result) = 0;
  virtual ~Model() = default;
};

}  // namespace hls4mlEmulator

#endif
