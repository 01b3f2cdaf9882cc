// C simulation of {{ project }}: runs tb_data/tb_input_features.dat through the top function and compares every score
// with tb_data/tb_output_predictions.dat, bit for bit. Returns 0 when all are equal, 1 otherwise.
// With the argument "trace" the result of every layer is appended to tb_data/<layer>_output.log.

#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "firmware/{{ project }}.h"
#include "firmware/nnet_utils/nnet_helpers.h"

namespace nnet {
bool trace_enabled = false;
std::map<std::string, void *> *trace_outputs = NULL;
size_t trace_type_size = sizeof(double);
} // namespace nnet

static bool read_line(std::ifstream &file, std::vector<double> &values) {
    std::string line;
    if (!std::getline(file, line))
        return false;
    std::istringstream stream(line);
    values.clear();
    double value;
    while (stream >> value)
        values.push_back(value);
    return true;
}

int main(int argc, char **argv) {
    nnet::trace_enabled = argc > 1 && std::string(argv[1]) == "trace";
    std::ifstream words("tb_data/tb_input_features.dat");
    std::ifstream scores("tb_data/tb_output_predictions.dat");
#ifdef RTL_SIM
    std::ofstream results("tb_data/rtl_cosim_results.log");
#else
    std::ofstream results("tb_data/csim_results.log");
#endif
    results.precision(17); // all digits, so that co-simulation compares every bit
    if (!words.is_open() || !scores.is_open()) {
        std::cout << "ERROR: no test vectors in tb_data" << std::endl;
        return 1;
    }

    std::vector<double> in, expected;
    unsigned long event = 0, wrong = 0;
    while (read_line(words, in)) {
        if (in.size() != {{ input.size }} || !read_line(scores, expected) || expected.size() != {{ output.size }}) {
            std::cout << "ERROR: test vector " << event << " is incomplete" << std::endl;
            return 1;
        }
        {{ input.type }} {{ input.name }}[{{ input.size }}];
        {{ output.type }} {{ output.name }}[{{ output.size }}];
        for (unsigned i = 0; i < {{ input.size }}; i++)
            {{ input.name }}[i] = in[i];

        {{ project }}({{ input.name }}, {{ output.name }});

        bool equal = true;
        for (unsigned i = 0; i < {{ output.size }}; i++)
            equal = equal && {{ output.name }}[i].to_double() == expected[i];
        if (!equal && ++wrong <= 10)
            std::cout << "ERROR: event " << event << ": score " << {{ output.name }}[0].to_double() << ", expected "
                      << expected[0] << std::endl;
        nnet::print_result<{{ output.type }}, {{ output.size }}>({{ output.name }}, results);
        event++;
    }
    results.close();
    std::cout << "INFO: " << event << " events, " << wrong << " differ" << std::endl;
    return event > 0 && wrong == 0 ? 0 : 1;
}
