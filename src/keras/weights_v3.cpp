#include <cctype>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "archive/hdf5_file.h"
#include "base/check.h"
#include "keras/weight_files.h"

namespace hornet::keras {
namespace {

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

// Of Python's \W+: everything that is no ASCII letter, digit or underscore goes.
std::string word_characters(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || c == '_' || byte >= 0x80) out += c;
  }
  return out;
}

// (.)([A-Z][a-z]+) -> \1_\2; matches do not overlap.
std::string split_before_words(const std::string& text) {
  std::string out;
  size_t i = 0;
  while (i < text.size()) {
    out += text[i++];
    if (i + 1 >= text.size() || !is_upper(text[i]) || !is_lower(text[i + 1])) continue;
    out += '_';
    out += text[i++];
    while (i < text.size() && is_lower(text[i])) out += text[i++];
  }
  return out;
}

// ([a-z])([A-Z]) -> \1_\2, then lower case.
std::string split_before_upper(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i > 0 && is_lower(text[i - 1]) && is_upper(text[i])) out += '_';
    out += is_upper(text[i]) ? static_cast<char>(text[i] - 'A' + 'a') : text[i];
  }
  return out;
}

std::string join(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "/" + name;
}

std::string parent(const std::string& path) {
  const size_t at = path.rfind('/');
  return at == path.npos ? std::string() : path.substr(0, at);
}

// The groups that a model's layers have in the file: Keras 3 counts the layers of a class.
class LayerGroups {
 public:
  LayerGroups(const Hdf5File& file, const std::string& path) : file_(file), path_(path) {
    older_ = !file.is_group(join(path, "layers")) && file.is_group(join(path, kOlderContainer));
  }

  std::string next(const std::string& class_name) {
    const std::string name = snake_case(class_name);
    const int number = used_[name]++;
    if (older_) return older_group(name, static_cast<size_t>(number));
    return join(path_, "layers/" + numbered(name, number));
  }

 private:
  // Keras 2.12 to 2.15 counted a layer with weights twice, and used the first of its two numbers:
  // the groups of a class have gaps.
  static constexpr const char* kOlderContainer = "_layer_checkpoint_dependencies";

  static std::string numbered(const std::string& name, int number) {
    return number == 0 ? name : fmt::format("{}_{}", name, number);
  }

  // The group of that class whose number is the k-th smallest there is.
  std::string older_group(const std::string& name, size_t k) {
    if (members_.empty()) {
      for (std::string& member : file_.members(join(path_, kOlderContainer))) {
        members_.insert(std::move(member));
      }
    }
    size_t num_seen = 0;
    for (int number = 0; number <= 2 * static_cast<int>(members_.size()); ++number) {
      if (members_.count(numbered(name, number)) == 0 || num_seen++ < k) continue;
      return join(join(path_, kOlderContainer), numbered(name, number));
    }
    return join(join(path_, kOlderContainer), numbered(name, static_cast<int>(k)));
  }

  const Hdf5File& file_;
  const std::string& path_;
  bool older_ = false;
  std::unordered_map<std::string, int> used_;
  std::unordered_set<std::string> members_;
};

class Binder {
 public:
  Binder(const Hdf5File& file, const std::string& label) : file_(file), label_(label) {}

  void bind(const WeightOwner& owner, const std::string& own_path) {
    const std::string path = first_path(owner, own_path);
    bind_slots(owner, path);
    LayerGroups groups(file_, path);
    for (const WeightOwner& child : owner.children) {
      bind(child, child.path_in_wrapper.empty() ? groups.next(child.class_name)
                                                : join(path, child.path_in_wrapper));
    }
  }

  FoundWeights take() { return std::move(found_); }

 private:
  // A shared layer is stored where Keras first met it.
  std::string first_path(const WeightOwner& owner, const std::string& own_path) {
    if (owner.shared_object_id < 0) return own_path;
    const auto [first, is_new] = shared_.emplace(owner.shared_object_id, own_path);
    return !is_new && file_.exists(first->second) ? first->second : own_path;
  }

  std::string slot_path(const WeightSlot& slot, const std::string& path) {
    const std::string own = own_slot_path(slot, path);
    std::string found = own;
    for (const SharedPlace& place : slot.shared) {
      const std::string object = join(path, slot.path.substr(0, place.path_length));
      const std::string& first = shared_.emplace(place.id, object).first->second;
      const std::string there = first + slot.path.substr(place.path_length);
      if (!file_.exists(found) && file_.exists(there)) found = there;
    }
    return found;
  }

  std::string own_slot_path(const WeightSlot& slot, const std::string& path) const {
    // Keras 2 had "_query_dense" where Keras 3 has "query_dense".
    const std::string older = join(path, "_" + slot.path);
    const std::string wanted = join(path, slot.path);
    return !file_.exists(wanted) && file_.exists(older) ? older : wanted;
  }

  void bind_slots(const WeightOwner& owner, const std::string& path) {
    std::map<std::string, size_t> num_wanted;
    for (const WeightSlot& slot : owner.slots) {
      const std::string place = slot_path(slot, path);
      ++num_wanted[parent(place)];
      require(file_.exists(place), ErrorCode::kInvalidModel,
              "{}: {} is missing: there is no \"/{}\"; expected an array of shape {}",
              weight_place(owner, label_), slot.name, place, to_string(slot.shape));
      found_.emplace_back(slot.id, naming_weight(owner, slot, [&] {
                            const Hdf5Array array = file_.open_array(place);
                            require_shape(array.shape(), slot, owner, label_);
                            return array.read();
                          }));
    }
    // A weight that nothing takes is a sign that config and weights are of different models.
    for (const auto& [group, count] : num_wanted) {
      require(file_.num_members(group) == count, ErrorCode::kInvalidModel,
              "{}: \"/{}\" holds {} weights; expected {}", weight_place(owner, label_), group,
              file_.num_members(group), count);
    }
  }

  const Hdf5File& file_;
  const std::string& label_;
  std::unordered_map<int64_t, std::string> shared_;
  FoundWeights found_;
};

class Keras3Weights : public WeightFile {
 public:
  Keras3Weights(Bytes image, std::string file) : image_(std::move(image)), file_(std::move(file)) {
    Hdf5File(image_, file_);  // a file HDF5 cannot open is refused at once
  }

  void bind(const WeightOwner& root, const WeightSink& sink) const override {
    for (auto& [id, data] : find(root)) sink(id, std::move(data));
  }
  size_t size_in_bytes() const override { return image_.size; }

 private:
  FoundWeights find(const WeightOwner& root) const {
    const Hdf5File file(image_, file_);
    Binder binder(file, file_);
    binder.bind(root, "");
    return binder.take();
  }

  Bytes image_;
  std::string file_;
};

}  // namespace

std::string snake_case(const std::string& class_name) {
  // Of the few classes with a public name, the one whose files go by the other.
  if (class_name == "GroupQueryAttention") return "grouped_query_attention";
  return split_before_upper(split_before_words(word_characters(class_name)));
}

std::string weight_place(const WeightOwner& owner, const std::string& file) {
  return fmt::format("layer \"{}\" ({}) in {}", owner.name, owner.class_name, file);
}

void require_shape(const Shape& found, const WeightSlot& slot, const WeightOwner& owner,
                   const std::string& file) {
  require(found == slot.shape, ErrorCode::kShapeMismatch, "{}: {} is {}; expected {}",
          weight_place(owner, file), slot.name, to_string(found), to_string(slot.shape));
}

std::unique_ptr<WeightFile> open_keras3_weights(Bytes image, std::string file) {
  return std::make_unique<Keras3Weights>(std::move(image), std::move(file));
}

}  // namespace hornet::keras
