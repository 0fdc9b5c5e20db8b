#include "cli/predict_arrays.h"

#include "hornet/source.h"

namespace hornet::cli {

std::vector<Tensor> predict_arrays(const Model& model, const std::vector<std::string>& inputs) {
  std::vector<Tensor> rows;
  for (const std::string& path : inputs) rows.push_back(read_npy(path));
  return model.predict({rows.begin(), rows.end()});
}

}  // namespace hornet::cli
