// batch_invariance FOLDER...: every model of every case gives a row the same bytes in batches of 1,
// 3 and 32. Exit code 1 where one does not.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "api/compiled_model.h"
#include "cli/verify_cases.h"
#include "hornet/model.h"
#include "hornet/source.h"

namespace {

using hornet::Model;
using hornet::Shape;
using hornet::Tensor;
using hornet::TensorView;

constexpr int64_t kMostRows = 32;

// Rows `first`, `first + 1`... of an array, from the beginning again behind the last.
Tensor some_rows(const Tensor& array, int64_t first, int64_t count) {
  Shape shape = array.shape();
  const int64_t stored = shape[0];
  const size_t row_bytes = array.num_bytes() / static_cast<size_t>(stored);
  shape[0] = count;
  Tensor rows(array.dtype(), std::move(shape));
  for (int64_t i = 0; i < count && row_bytes > 0; ++i) {
    std::memcpy(static_cast<std::byte*>(rows.mutable_data()) + static_cast<size_t>(i) * row_bytes,
                static_cast<const std::byte*>(array.data()) +
                    static_cast<size_t>((first + i) % stored) * row_bytes,
                row_bytes);
  }
  return rows;
}

std::vector<Tensor> predict(const Model& model, const std::vector<Tensor>& arrays, int64_t first,
                            int64_t count) {
  std::vector<Tensor> rows;
  for (const Tensor& array : arrays) rows.push_back(some_rows(array, first, count));
  std::vector<TensorView> views;
  for (const Tensor& tensor : rows) views.push_back(tensor.view());
  return model.predict(views);
}

bool same_bytes(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         (a.num_bytes() == 0 || std::memcmp(a.data(), b.data(), a.num_bytes()) == 0);
}

// Whether Keras, too, computes each row of the outputs from the same row of the inputs alone.
bool is_row_wise(const Model& model, const std::vector<Tensor>& arrays) {
  std::vector<Shape> rows;
  std::vector<std::string> names;
  for (const Tensor& array : arrays) {
    if (array.shape().empty() || array.shape()[0] == 0) return false;
    rows.emplace_back(array.shape().begin() + 1, array.shape().end());
    names.emplace_back("input");
  }
  const hornet::internal::CompiledModel& compiled = model.compiled();
  return !compiled.plans_for(compiled.match_rows(rows, names)).row_mixing();
}

// Why the model takes no batches of other sizes; "" where it does.
std::string fixed_batch(const Model& model, const std::vector<Tensor>& arrays) {
  try {
    if (!is_row_wise(model, arrays)) return "its rows depend on each other";
    predict(model, arrays, 0, kMostRows);
  } catch (const hornet::Error& error) {
    if (error.code() != hornet::ErrorCode::kShapeMismatch) throw;
    return error.message();
  }
  return "";
}

// "" where the bytes are the same.
std::string difference(const Model& model, const std::vector<Tensor>& arrays) {
  const std::vector<Tensor> all = predict(model, arrays, 0, kMostRows);
  for (const int64_t batch : {1, 3}) {
    for (int64_t first = 0; first < kMostRows; first += batch) {
      const int64_t count = std::min(batch, kMostRows - first);
      const std::vector<Tensor> some = predict(model, arrays, first, count);
      for (size_t k = 0; k < all.size(); ++k) {
        if (same_bytes(some[k], some_rows(all[k], first, count))) continue;
        return fmt::format("output {}: rows from {} in a batch of {} have other bytes than of {}",
                           k, first, batch, kMostRows);
      }
    }
  }
  return "";
}

struct Tally {
  int same = 0, different = 0, left_out = 0;
};

void check_case(const std::string& folder, Tally& tally) {
  std::ifstream stream(folder + "/case.json");
  const nlohmann::json json = nlohmann::json::parse(stream);
  for (const std::string file : json.at("files")) {
    const Model model = Model::load(folder + "/" + file);
    for (const nlohmann::json& run : json.at("runs")) {
      std::vector<Tensor> arrays;
      for (const std::string name : run.at("inputs")) {
        arrays.push_back(hornet::read_npy(folder + "/" + name));
      }
      if (const std::string reason = fixed_batch(model, arrays); !reason.empty()) {
        fmt::print("left out {}/{}: {}\n", folder, file, reason);
        ++tally.left_out;
        continue;
      }
      const std::string found = difference(model, arrays);
      ++(found.empty() ? tally.same : tally.different);
      if (!found.empty()) fmt::print("FAIL {}/{}: {}\n", folder, file, found);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  Tally tally;
  for (int i = 1; i < argc; ++i) {
    for (const std::string& folder : hornet::cli::find_cases(argv[i])) check_case(folder, tally);
  }
  fmt::print("{} runs the same in batches of 1, 3 and {}, {} not, {} left out\n", tally.same,
             kMostRows, tally.different, tally.left_out);
  return tally.different == 0 && tally.same > 0 ? 0 : 1;
}
