#include "cli/predict_arrays.h"

namespace hornet::cli {

Array read_array(const std::string& path) { return Array(open_source(path)); }

std::vector<Array> predict_arrays(const Model& model, const std::vector<std::string>& inputs) {
  std::vector<Array> rows;
  for (const std::string& path : inputs) rows.push_back(read_array(path));
  std::vector<TensorView> views;
  for (const Array& array : rows) views.push_back(array.view());
  std::vector<Array> outputs;
  for (Tensor& tensor : model.predict(views)) outputs.emplace_back(std::move(tensor));
  return outputs;
}

}  // namespace hornet::cli
