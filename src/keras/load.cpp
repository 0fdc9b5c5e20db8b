#include "keras/load.h"

#include <algorithm>
#include <cstring>
#include <future>
#include <new>
#include <system_error>

#include "archive/hdf5_file.h"
#include "archive/zip_archive.h"
#include "base/check.h"
#include "base/mapped_file.h"
#include "keras/json.h"
#include "keras/model_parser.h"
#include "keras/vocabularies.h"
#include "keras/weight_files.h"

namespace hornet::keras {
namespace {

constexpr uint64_t kMaxJsonBytes = uint64_t{32} << 20;
// Weights may inflate to this many bytes, and beyond in proportion to the file.
constexpr uint64_t kFreeWeightBytes = uint64_t{64} << 20;
constexpr uint64_t kMaxWeightRatio = 200;

enum class FileKind { kZip, kHdf5, kJson };

FileKind kind_of(const Bytes& bytes, const std::string& path) {
  require(bytes.size > 0, ErrorCode::kInvalidModel, "{} is empty", path);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data), bytes.size);
  if (text.starts_with("PK")) return FileKind::kZip;
  if (is_hdf5(bytes)) return FileKind::kHdf5;
  const size_t start = text.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  const std::string_view first = start == text.npos ? "" : text.substr(start);
  if (first.starts_with('{') || first.starts_with("\"{")) return FileKind::kJson;
  fail(ErrorCode::kInvalidModel,
       "{} is no Keras model: it starts like neither a zip archive, an HDF5 file nor JSON", path);
}

std::string_view text_of(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data), bytes.size};
}

Dict parse_object(std::string_view text, const std::string& origin) {
  Value root = parse_json(text, origin);
  // json.dump(model.to_json(), file) writes the text of an object as a text.
  if (const std::string* inner = root.get_if<std::string>()) root = parse_json(*inner, origin);
  Dict* object = root.get_if<Dict>();
  require(object != nullptr, ErrorCode::kInvalidModel, "{} is {}; expected an object", origin,
          root.to_string());
  return std::move(*object);
}

std::string version_in(const Dict& object) {
  const std::string* version = member<std::string>(object, "keras_version");
  return version ? *version : std::string();
}

// Runs `parse`, putting the file's name before the message of an error.
template <class Parse>
auto naming(const std::string& path, Parse parse) {
  try {
    return parse();
  } catch (const Error& error) {
    fail(error.code(), "{}: {}", path, error.message());
  }
}

// Runs `load`; where memory ends, the error names the file.
template <class Load>
auto naming_memory(const std::string& path, Load load) {
  try {
    return load();
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::kOutOfMemory, "no memory to load {}", path);
  }
}

// --- .keras

Bytes required_entry(const ZipArchive& archive, const char* name, uint64_t max_size) {
  const ZipEntry* entry = archive.find(name);
  require(entry != nullptr, ErrorCode::kInvalidModel, "the archive has no {}", name);
  return archive.read(*entry, max_size);
}

constexpr const char* kWeightsEntry = "model.weights.h5";

Bytes weights_entry(const ZipArchive& archive, size_t archive_size) {
  require(archive.find("model.weights.npz") == nullptr || archive.find(kWeightsEntry) != nullptr,
          ErrorCode::kUnsupported,
          "the weights are a .npz of pickled objects, which Hornet does not read: save the model "
          "with weights in HDF5");
  const uint64_t allowed = std::max<uint64_t>(kFreeWeightBytes, archive_size * kMaxWeightRatio);
  return required_entry(archive, kWeightsEntry, allowed);
}

// Weights that another thread reads.
class WeightsInFlight final : public WeightFile {
 public:
  template <class Read>
  WeightsInFlight(size_t size, Read read)
      : size_(size), file_(std::async(std::launch::async, std::move(read))) {}

  void bind(const WeightOwner& root, const WeightSink& sink) const override {
    file_.get()->bind(root, sink);
  }
  size_t size_in_bytes() const override { return size_; }
  void wait() const override { file_.get(); }

 private:
  size_t size_;
  std::shared_future<std::unique_ptr<WeightFile>> file_;
};

// Errors name `path`.
std::unique_ptr<WeightFile> read_weights(const ZipArchive& archive, size_t archive_size,
                                         const std::string& path) {
  return naming_memory(path, [&] {
    return open_keras3_weights(naming(path, [&] { return weights_entry(archive, archive_size); }),
                               path);
  });
}

// The same on another thread, while the caller goes on; null where that is not worth it, or there
// is no thread to be had.
std::unique_ptr<WeightFile> start_reading_weights(const ZipArchive& archive, size_t archive_size,
                                                  const std::string& path) {
  constexpr uint64_t kFewestForThread = uint64_t{1} << 20;
  const ZipEntry* entry = archive.find(kWeightsEntry);
  if (entry == nullptr || entry->size < kFewestForThread) return nullptr;
  try {
    return std::make_unique<WeightsInFlight>(entry->size, [archive, archive_size, path] {
      return read_weights(archive, archive_size, path);
    });
  } catch (const std::system_error&) {
    return nullptr;
  }
}

// Weights that are used where they lie keep no file open.
Bytes bytes_of(const std::shared_ptr<const MappedFile>& file) {
  return {file->without_file(), file->data(), file->size()};
}

ZipArchive archive_in(const std::shared_ptr<const MappedFile>& file) {
  return ZipArchive(bytes_of(file), [file](size_t offset, std::span<std::byte> bytes) {
    file->read(offset, bytes);
  });
}

std::string archive_version(const ZipArchive& archive) {
  const ZipEntry* metadata = archive.find("metadata.json");
  if (metadata == nullptr) return "";
  const Bytes text = archive.read(*metadata, kMaxJsonBytes);
  return version_in(parse_object(text_of(text), "metadata.json"));
}

// The serialised model, completed by what layers learned and wrote into files of their own.
Dict model_in(const ZipArchive& archive) {
  const Bytes text = required_entry(archive, "config.json", kMaxJsonBytes);
  Dict object = parse_object(text_of(text), "config.json");
  constexpr std::string_view kAssets = "assets/";
  const bool has_assets = std::any_of(
      archive.entries().begin(), archive.entries().end(),
      [&](const ZipEntry& entry) { return std::string_view(entry.name).starts_with(kAssets); });
  if (!has_assets) return object;
  return with_vocabularies(object, [&](const std::string& path) -> std::optional<std::string> {
    const ZipEntry* entry = archive.find(fmt::format("{}{}/vocabulary.txt", kAssets, path));
    if (entry == nullptr) return std::nullopt;
    const Bytes vocabulary = archive.read(*entry, kMaxJsonBytes);
    return std::string(text_of(vocabulary));
  });
}

void load_archive(const std::shared_ptr<const MappedFile>& file, LoadedModel& model) {
  const ZipArchive archive = naming(model.path, [&] { return archive_in(file); });
  model.checksum = archive.checksum_of_contents();
  model.weights = start_reading_weights(archive, file->size(), model.path);
  naming(model.path, [&] {
    const Dict object = model_in(archive);
    model.keras_version = archive_version(archive);
    model.config = parse_saved_model(object, model.keras_version);
  });
  if (model.weights == nullptr) model.weights = read_weights(archive, file->size(), model.path);
}

// --- .h5

struct Hdf5Summary {
  std::optional<std::string> config;
  std::string keras_version;
  bool has_model_weights = false;
  bool has_layer_names = false;
};

Hdf5Summary summarise(const Bytes& bytes, const std::string& path) {
  const Hdf5File file(bytes, path);
  Hdf5Summary summary;
  summary.config = file.string_attribute("", "model_config");
  summary.has_model_weights = file.is_group("model_weights");
  summary.has_layer_names = file.string_list_attribute("", "layer_names").has_value() ||
                            file.string_list_attribute("", "layer_names0").has_value();
  for (const char* holder : {"", "model_weights"}) {
    const auto version = file.string_attribute(holder, "keras_version");
    if (version && summary.keras_version.empty()) summary.keras_version = *version;
  }
  return summary;
}

void load_hdf5(const Bytes& bytes, LoadedModel& model) {
  const Hdf5Summary summary = summarise(bytes, model.path);
  require(
      summary.config.has_value(), ErrorCode::kInvalidModel,
      "{} has no model_config: it holds weights alone; give the JSON config of the model, and this "
      "file as its weights",
      model.path);
  model.keras_version = summary.keras_version;
  model.config = naming(model.path, [&] {
    // Files from before Keras wrote its version are those of Keras 1.
    return parse_saved_model(parse_object(*summary.config, "the attribute model_config"),
                             summary.keras_version.empty() ? "1" : summary.keras_version);
  });
  model.weights = open_legacy_weights(bytes, model.path, "model_weights");
}

// --- JSON

std::unique_ptr<WeightFile> open_weights(const std::string& path) {
  const auto file = MappedFile::open_to_read(path);
  const Bytes bytes = bytes_of(file);
  switch (kind_of(bytes, path)) {
    case FileKind::kZip: {
      const Bytes weights =
          naming(path, [&] { return weights_entry(archive_in(file), bytes.size); });
      return open_keras3_weights(weights, path);
    }
    case FileKind::kHdf5: {
      const Hdf5Summary summary = summarise(bytes, path);
      if (summary.has_layer_names) return open_legacy_weights(bytes, path, "");
      if (summary.has_model_weights) return open_legacy_weights(bytes, path, "model_weights");
      return open_keras3_weights(bytes, path);
    }
    case FileKind::kJson:
      break;
  }
  fail(ErrorCode::kInvalidModel, "{} holds no weights", path);
}

void load_json(const Bytes& bytes, const std::string& weights_path, LoadedModel& model) {
  naming(model.path, [&] {
    const Dict object = parse_object(text_of(bytes), "the file");
    model.keras_version = version_in(object);
    model.config = parse_saved_model(object, model.keras_version);
  });
  if (!weights_path.empty()) model.weights = open_weights(weights_path);
}

LoadedModel load_mapped(const std::string& path, const std::string& weights_path) {
  const auto file = MappedFile::open_to_read(path);
  const Bytes bytes = bytes_of(file);
  LoadedModel model;
  model.path = path;
  const FileKind kind = kind_of(bytes, path);
  require(weights_path.empty() || kind == FileKind::kJson, ErrorCode::kInvalidArgument,
          "{} has weights of its own; {} cannot be loaded into it", path, weights_path);
  switch (kind) {
    case FileKind::kZip:
      load_archive(file, model);
      break;
    case FileKind::kHdf5:
      load_hdf5(bytes, model);
      break;
    case FileKind::kJson:
      load_json(bytes, weights_path, model);
      break;
  }
  return model;
}

}  // namespace

LoadedModel load(const std::string& path, const std::string& weights_path) {
  return naming_memory(path, [&] { return load_mapped(path, weights_path); });
}

}  // namespace hornet::keras
