// C simulation of {{ project }}: runs tb_data/tb_input_features.dat through the top function and compares every output
// with tb_data/tb_output_predictions.dat, bit for bit. Returns 0 when all are equal, 1 otherwise.
// A line holds one event, the words of all ports side by side.
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
        if (in.size() != {{ n_in }} || !read_line(scores, expected) || expected.size() != {{ n_out }}) {
            std::cout << "ERROR: test vector " << event << " is incomplete" << std::endl;
            return 1;
        }
        std::vector<double> found;
{%- for port in inputs %}
        {{ port.type }} in_{{ loop.index0 }}[{{ port.size }}]; // {{ port.name }}
{%- endfor %}
{%- for port in outputs %}
        {{ port.type }} out_{{ loop.index0 }}[{{ port.size }}]; // {{ port.name }}
{%- endfor %}
        unsigned at = 0;
{%- for port in inputs %}
        for (unsigned i = 0; i < {{ port.size }}; i++)
            in_{{ loop.index0 }}[i] = in[at++];
{%- endfor %}

        {{ project }}(
            {%- for port in inputs %}in_{{ loop.index0 }}, {% endfor -%}
            {%- for port in outputs %}out_{{ loop.index0 }}{{ ", " if not loop.last }}{% endfor -%}
        );
{% for port in outputs %}
        for (unsigned i = 0; i < {{ port.size }}; i++)
            found.push_back(out_{{ loop.index0 }}[i].to_double());
{%- endfor %}
        for (unsigned i = 0; i < found.size(); i++) {
            if (found[i] == expected[i])
                continue;
            if (++wrong <= 10)
                std::cout << "ERROR: event " << event << ": output " << i << " is " << found[i] << ", expected "
                          << expected[i] << std::endl;
            break;
        }
{%- for port in outputs %}
        nnet::print_result<{{ port.type }}, {{ port.size }}>(out_{{ loop.index0 }}, results);
{%- endfor %}
        event++;
    }
    results.close();
    std::cout << "INFO: " << event << " events, " << wrong << " differ" << std::endl;
    return event > 0 && wrong == 0 ? 0 : 1;
}
