// Drives a design clock by clock; compiled together with what Verilator makes of it.
//
// A row holds the bits of one port in one clock, bit 0 first, in words of 32 bits, padded to a multiple of 64 bits.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

#include "Vdesign.h"
#include "verilated.h"

// Verilator would end the whole process.
void vl_fatal(const char*, int, const char*, const char* message) { throw std::runtime_error(message); }

namespace {

template <class Scalar>
void put(Scalar& port, const uint32_t* row) {
    port = static_cast<Scalar>(row[0] | static_cast<uint64_t>(row[1]) << 32);
}

template <std::size_t N>
void put(VlWide<N>& port, const uint32_t* row) {
    for (std::size_t i = 0; i < N; i++) port[i] = row[i];
}

template <class Scalar>
void get(const Scalar& port, uint32_t* row) {
    row[0] = static_cast<uint32_t>(port);
    row[1] = static_cast<uint32_t>(static_cast<uint64_t>(port) >> 32);
}

template <std::size_t N>
void get(const VlWide<N>& port, uint32_t* row) {
    for (std::size_t i = 0; i < N; i++) row[i] = port[i];
}

struct Bench {
    VerilatedContext context;
    std::unique_ptr<Vdesign> design;
    std::string message;

    explicit Bench(int seed) {
        context.randReset(2);  // registers wake up with random bits
        context.randSeed(seed);
        design = std::make_unique<Vdesign>(&context, "design");
        design->clk = 0;
    }
};

}  // namespace

extern "C" {

// Names and widths of the ports, "name:bits name:bits ...".
const char* l1ae_ports() { return L1AE_PORTS; }

void* l1ae_new(int seed) { return new Bench(seed); }

void l1ae_delete(void* bench) { delete static_cast<Bench*>(bench); }

// One row per clock; outputs are what a rising edge finds, before it changes them. Null, or what went wrong.
const char* l1ae_run(void* handle, std::size_t clocks, const uint8_t* reset, const uint8_t* valid,
                     const uint32_t* words, std::size_t word_stride, const uint32_t* threshold,
                     uint8_t* out_valid, uint8_t* trigger, uint32_t* output, std::size_t output_stride) {
    Bench& bench = *static_cast<Bench*>(handle);
    Vdesign& design = *bench.design;
    try {
        for (std::size_t t = 0; t < clocks; t++) {
            design.rst = reset[t];
            design.in_valid = valid[t];
            put(design.in_words, words + t * word_stride);
#ifdef L1AE_THRESHOLD
            put(design.threshold, threshold + 2 * t);
#endif
            design.clk = 0;
            design.eval();
            out_valid[t] = design.out_valid;
#ifdef L1AE_THRESHOLD
            trigger[t] = design.trigger;
#endif
            get(design.L1AE_OUTPUT, output + t * output_stride);
            design.clk = 1;
            design.eval();
        }
    } catch (const std::exception& error) {
        bench.message = error.what();
        return bench.message.c_str();
    }
    return nullptr;
}
}
