// Whole arrays, for verifying.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "hornet/model.h"
#include "hornet/source.h"

namespace hornet::cli {

// The rows of a file, or of a Tensor, in one view.
class Array {
 public:
  explicit Array(Tensor tensor) : tensor_(std::move(tensor)), view_(tensor_.view()) {}
  // `source` has all its rows in `bytes`, or keeps them itself.
  explicit Array(std::unique_ptr<const Source> source)
      : source_(std::move(source)), view_(source_->rows(0, source_->num_rows(), bytes_)) {}
  const TensorView& view() const { return view_; }

 private:
  std::unique_ptr<const Source> source_;
  std::vector<std::byte> bytes_;
  Tensor tensor_;
  TensorView view_;
};

Array read_array(const std::string& path);

// What the model gives for the rows of the files, one an input, all in one batch.
std::vector<Array> predict_arrays(const Model& model, const std::vector<std::string>& inputs);

}  // namespace hornet::cli
