// What the machine can do at most, for comparison with what kernels do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace hornet::kernels {

// "avx512", "avx2", "sse4" or "plain": what the kernels of this folder run on.
std::string instruction_set();

// Keeps this folder's kernels and oneDNN to an instruction set; false for one that is not known.
// Before the first kernel is made.
bool limit_instruction_set(const std::string& name);

// Computes about `count` multiply-adds on registers alone, and returns how many there were.
int64_t run_multiply_adds(int64_t count);

// Reads `count` floats, a multiple of 64; the result depends on each of them.
float read_floats(const float* data, int64_t count);

}  // namespace hornet::kernels
