#include "archive/hdf5_file.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace hornet {

bool is_hdf5(const Bytes& bytes) {
  constexpr std::string_view kSignature = "\x89HDF\r\n\x1a\n";
  // A user block is 512 bytes long, or twice that, and so on.
  for (size_t at = 0; bytes.contains(at, kSignature.size()); at = at == 0 ? 512 : at * 2) {
    if (std::memcmp(bytes.data + at, kSignature.data(), kSignature.size()) == 0) return true;
  }
  return false;
}

Hdf5File::Hdf5File(Bytes image, std::string label) {
  file_.image = std::move(image);
  file_.label = std::move(label);
  root_ = read_superblock(file_);
  file_.require_sound(object_at(root_).is_group, "it has no root group");
}

std::string Hdf5File::place(const std::string& path) const {
  return fmt::format("\"/{}\" in {}", path, file_.label);
}

const Hdf5File::Object& Hdf5File::object_at(uint64_t address) const {
  const auto known = objects_.find(address);
  if (known != objects_.end()) return known->second;
  Object object;
  object.messages = read_messages(file_, address);
  if (auto links = read_links(file_, object.messages)) {
    object.is_group = true;
    for (Hdf5Link& link : *links) {
      std::string name = link.name;
      object.links.emplace(std::move(name), std::move(link));
    }
  }
  return objects_.emplace(address, std::move(object)).first->second;
}

const Hdf5File::Object* Hdf5File::find(const std::string& path) const {
  uint64_t address = root_;
  for (size_t begin = 0; begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string name = path.substr(begin, end - begin);
    begin = end + 1;
    if (name.empty()) continue;
    const Object& group = object_at(address);
    const auto link = group.links.find(name);
    if (link == group.links.end()) return nullptr;
    require(link->second.hard, ErrorCode::kInvalidModel,
            "{} is a soft or external link, which Hornet does not follow", place(path));
    address = link->second.address;
  }
  return &object_at(address);
}

bool Hdf5File::exists(const std::string& path) const { return find(path) != nullptr; }

bool Hdf5File::is_group(const std::string& path) const {
  const Object* object = find(path);
  return object != nullptr && object->is_group;
}

std::vector<std::string> Hdf5File::members(const std::string& path) const {
  std::vector<std::string> names;
  if (const Object* object = find(path)) {
    for (const auto& [name, link] : object->links) names.push_back(name);
  }
  return names;
}

size_t Hdf5File::num_members(const std::string& path) const {
  const Object* object = find(path);
  return object != nullptr ? object->links.size() : 0;
}

std::optional<std::vector<std::string>> Hdf5File::string_list_attribute(
    const std::string& path, const std::string& name) const {
  const Object* object = find(path);
  if (object == nullptr) return std::nullopt;
  const auto attribute = find_attribute(file_, object->messages, name);
  if (!attribute) return std::nullopt;
  return read_texts(file_, *attribute, fmt::format("the attribute {} of {}", name, place(path)));
}

std::optional<std::string> Hdf5File::string_attribute(const std::string& path,
                                                      const std::string& name) const {
  auto strings = string_list_attribute(path, name);
  if (!strings) return std::nullopt;
  require(strings->size() == 1, ErrorCode::kInvalidModel,
          "the attribute {} of {} holds {} texts; expected one", name, place(path),
          strings->size());
  return std::move(strings->front());
}

Hdf5Array Hdf5File::open_array(const std::string& path) const {
  const Object* object = find(path);
  require(object != nullptr, ErrorCode::kInvalidModel, "{} is missing", place(path));
  require(!object->is_group, ErrorCode::kInvalidModel, "{} is no array", place(path));
  return Hdf5Array(file_, object->messages, place(path));
}

}  // namespace hornet
