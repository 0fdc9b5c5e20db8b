// Opens a model file of any dialect.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "keras/model_config.h"
#include "keras/weights.h"

namespace hornet::keras {

struct LoadedModel {
  ModelConfig config;
  // Null for a JSON config without weights. Many of an archive may still be being read, by another
  // thread.
  std::unique_ptr<WeightFile> weights;
  std::string keras_version;  // "" where the file does not say
  std::string path;
  // Of all that the file holds, where the file has checksums of its own and they were compared.
  std::optional<uint32_t> checksum;
};

// Reads a `.keras` archive, a whole-model `.h5`/`.hdf5`, or a JSON config (with `weights_path`, a
// weights-only `.h5`, `.weights.h5`; "" for none). The kind is told by the file's first bytes, not
// by its name. Throws Error(kIo) where the file cannot be read, kInvalidModel where it is broken,
// kUnsupported; of weights that are still being read, their wait() does.
LoadedModel load(const std::string& path, const std::string& weights_path = "");

}  // namespace hornet::keras
