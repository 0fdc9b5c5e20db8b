// Every implementation of every operator, on random operators: it agrees with the reference, and
// the bits of a row do not depend on the batch it is in. HORNET_SEED repeats a run.
#include <gtest/gtest.h>

#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>

#include "kernels/evaluate.h"
#include "paths.h"
#include "property/agreement.h"
#include "property/random_case.h"

namespace hornet::property {
namespace {

using kernels::KernelEntry;
using kernels::KernelFactory;
using kernels::KernelRequest;

constexpr int64_t kRows = 8;
constexpr int kReferenceRowCases = 20;

// What is computed now, for a kernel that crashes: gtest's traces are lost then.
std::string current_case;

void name_case_of_crash(int signal) {
  [[maybe_unused]] const auto written =
      write(STDERR_FILENO, current_case.data(), current_case.size());
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

std::vector<const Tensor*> pointers(const std::vector<std::optional<Tensor>>& tensors) {
  std::vector<const Tensor*> result;
  for (const auto& tensor : tensors) result.push_back(tensor ? &*tensor : nullptr);
  return result;
}

std::string describe(const graph::Op& op, const std::vector<std::optional<Tensor>>& inputs) {
  std::string text = std::string(op.name()) + " " + op.attributes();
  for (const auto& input : inputs) {
    text += input ? " " + to_string(graph::TensorType{input->dtype(), input->shape()}) : " -";
  }
  return text;
}

// Nothing where the implementation refuses.
std::optional<std::vector<Tensor>> run(KernelFactory factory, const graph::Op& op,
                                       const std::vector<std::optional<Tensor>>& inputs,
                                       const std::vector<bool>& is_constant, std::string* name) {
  kernels::PackedWeights packed;
  const std::vector<const Tensor*> given = pointers(inputs);
  const KernelRequest request = kernels::make_request(op, given, packed, is_constant);
  const kernels::KernelOffer offer = factory(request);
  if (offer.kernel == nullptr) {
    EXPECT_NE(offer.refusal, "");
    return std::nullopt;
  }
  *name = offer.kernel->describe();
  return kernels::run_kernel(*offer.kernel, request, given);
}

void check_rows(KernelFactory factory, const RandomCase& c, const std::vector<Tensor>& all) {
  for (const int64_t count : {1, 2, 3}) {
    for (int64_t first = 0; first + count <= kRows; first += count) {
      std::vector<std::optional<Tensor>> inputs = c.inputs;
      for (size_t i = 0; i < inputs.size(); ++i) {
        if (inputs[i] && !c.is_constant[i]) inputs[i] = rows(*inputs[i], first, count);
      }
      std::string name;
      const auto some = run(factory, *c.op, inputs, c.is_constant, &name);
      ASSERT_TRUE(some) << "refuses " << count << " rows, but not " << kRows;
      for (size_t k = 0; k < all.size(); ++k) {
        ASSERT_TRUE(same_bytes((*some)[k], rows(all[k], first, count)))
            << name << ": rows from " << first << " have other bits in a batch of " << count
            << " than of " << kRows;
      }
    }
  }
}

class Kernels : public testing::TestWithParam<Generator> {};

TEST_P(Kernels, AgreeWithTheReference_AndRowsKeepTheirBits) {
  const auto& table = kernels::kernel_table();
  const auto entry = std::find_if(table.begin(), table.end(), [](const KernelEntry& candidate) {
    return candidate.op == GetParam().op;
  });
  ASSERT_NE(entry, table.end());
  for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE}) {
    std::signal(signal, name_case_of_crash);
  }
  std::map<std::string, int> taken;
  for (int i = 0; i < GetParam().num_cases; ++i) {
    const uint64_t seed = base_seed() + static_cast<uint64_t>(i);
    Random random(seed);
    const RandomCase c = GetParam().make(random, kRows);
    current_case = "HORNET_SEED=" + std::to_string(base_seed()) + " case " + std::to_string(i) +
                   ": " + describe(*c.op, c.inputs) + "\n";
    SCOPED_TRACE(current_case);
    std::string name;
    const auto expected = run(entry->reference, *c.op, c.inputs, c.is_constant, &name);
    if (!expected) continue;  // not defined for these types
    std::vector<KernelFactory> factories = entry->implementations;
    factories.push_back(entry->reference);
    for (const KernelFactory factory : factories) {
      const auto got = run(factory, *c.op, c.inputs, c.is_constant, &name);
      if (!got) continue;
      ++taken[name.substr(0, name.find(' '))];
      ASSERT_EQ(got->size(), expected->size());
      for (size_t k = 0; k < got->size(); ++k) {
        ASSERT_TRUE(agree((*got)[k], (*expected)[k])) << name << ", output " << k;
      }
      const bool slow = factory == entry->reference && i >= kReferenceRowCases;
      if (c.by_rows && !slow) check_rows(factory, c, *got);
      if (HasFatalFailure()) return;
    }
  }
  for (const auto& [name, count] : taken) RecordProperty(name, count);
  // A fast kernel that takes nothing of all this would not be tested.
  EXPECT_TRUE(entry->implementations.empty() || taken.size() > 1) << "only the reference was used";
}

INSTANTIATE_TEST_SUITE_P(, Kernels, testing::ValuesIn(generators()),
                         [](const testing::TestParamInfo<Generator>& generator) {
                           return std::string(generator.param.op);
                         });

// The names of the operators, from their headers.
std::set<std::string> op_names() {
  std::set<std::string> names;
  const std::regex name(R"re(name\(\) const override \{ return "(\w+)"; \})re");
  for (const auto& file :
       std::filesystem::directory_iterator(std::string(HORNET_SOURCE_DIR) + "/src/graph/ops")) {
    if (file.path().extension() != ".h") continue;
    std::ifstream stream(file.path());
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    for (std::sregex_iterator i(text.begin(), text.end(), name), end; i != end; ++i) {
      names.insert((*i)[1]);
    }
  }
  return names;
}

TEST(KernelTable, HasALineForEachOperatorAndNoOther) {
  std::set<std::string> lines;
  for (const KernelEntry& entry : kernels::kernel_table()) lines.insert(std::string(entry.op));
  EXPECT_EQ(lines, op_names());
}

TEST(KernelTable, EachOperatorWithAFastKernel_HasRandomCases) {
  std::set<std::string_view> generated;
  for (const Generator& generator : generators()) generated.insert(generator.op);
  for (const KernelEntry& entry : kernels::kernel_table()) {
    EXPECT_NE(entry.reference, nullptr) << entry.op;
    EXPECT_TRUE(entry.implementations.empty() || generated.contains(entry.op)) << entry.op;
  }
}

}  // namespace
}  // namespace hornet::property
