#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "archive/hdf5_file.h"
#include "base/check.h"
#include "keras/legacy_conversion.h"
#include "keras/weight_files.h"

namespace hornet::keras {
namespace {

// One variable of a group: where it belongs and, for layers that are shared inside a nested model,
// who else wants it.
struct Wanted {
  const WeightOwner* owner;
  const WeightSlot* slot;
  std::vector<const WeightSlot*> aliases;
  std::vector<std::string> path;  // names of the owners, the outermost first
};

// The weights stored under one layer of the outermost model.
struct StoredGroup {
  std::string name;
  std::vector<std::string> weight_names;
};

class WantedCollector {
 public:
  static std::vector<Wanted> collect(const WeightOwner& owner) {
    WantedCollector collector;
    collector.add(owner, {kNotShared, ""}, {});
    return std::move(collector.wanted_);
  }

 private:
  // A variable by its place in the nearest object around it that may be met again.
  using Place = std::pair<int64_t, std::string>;
  static constexpr int64_t kNotShared = -1;

  void add(const WeightOwner& owner, Place place, std::vector<std::string> path) {
    if (owner.shared_object_id >= 0) place = {owner.shared_object_id, ""};
    path.push_back(owner.name);
    for (const WeightSlot& slot : owner.slots) add_slot(owner, slot, place_of(slot, place), path);
    for (size_t i = 0; i < owner.children.size(); ++i) {
      add(owner.children[i], {place.first, fmt::format("{}{}/", place.second, i)}, path);
    }
  }

  static Place place_of(const WeightSlot& slot, const Place& owner) {
    if (slot.shared.empty()) return {owner.first, owner.second + slot.path};
    const SharedPlace& nearest = slot.shared.back();
    return {nearest.id, slot.path.substr(nearest.path_length + 1)};
  }

  void add_slot(const WeightOwner& owner, const WeightSlot& slot, Place place,
                const std::vector<std::string>& path) {
    if (place.first != kNotShared) {
      const auto [first, is_new] = first_wanted_.emplace(std::move(place), wanted_.size());
      if (!is_new) return wanted_[first->second].aliases.push_back(&slot);
    }
    wanted_.push_back({&owner, &slot, {}, path});
  }

  std::vector<Wanted> wanted_;
  std::map<Place, size_t> first_wanted_;
};

// "inner/dense/kernel:0" -> {"inner", "dense", "kernel"}.
std::vector<std::string> name_parts(const std::string& weight_name) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= weight_name.size();) {
    const size_t end = std::min(weight_name.find('/', begin), weight_name.size());
    parts.push_back(weight_name.substr(begin, end - begin));
    begin = end + 1;
  }
  std::string& last = parts.back();
  last.resize(std::min(last.rfind(':'), last.size()));
  return parts;
}

// How well the name a weight has in the file fits the variable wanted: how many of its owners the
// name has, in their order; 0 where the variable is called otherwise.
size_t fit(const std::vector<std::string>& parts, const Wanted& wanted) {
  if (parts.back() != wanted.slot->name) return 0;
  std::vector<size_t> longest(wanted.path.size() + 1, 0);  // of common subsequences
  for (size_t i = 0; i + 1 < parts.size(); ++i) {
    size_t diagonal = 0;
    for (size_t j = 1; j < longest.size(); ++j) {
      const size_t above = longest[j];
      longest[j] = parts[i] == wanted.path[j - 1] ? diagonal + 1 : std::max(above, longest[j - 1]);
      diagonal = above;
    }
  }
  return longest.back();
}

using Order = std::vector<size_t>;  // position in the file -> index into the wanted list

// In which order a group's weights are stored. Keras writes trainable ones first, and reads them
// by what the config says is trainable. But some releases did not write all of that, so another
// order is taken where the names speak for it.
class OrderFinder {
 public:
  OrderFinder(const std::vector<Wanted>& wanted, const std::vector<std::string>& names)
      : wanted_(wanted) {
    for (const std::string& name : names) parts_.push_back(name_parts(name));
  }

  size_t num_wanted() const { return wanted_.size(); }

  // As if no layer were frozen.
  Order trainable_first() const {
    return first([](const WeightSlot& slot) { return slot.trainable; });
  }

  // For as many names as there are variables; nullopt where two orders fit the names as well and
  // neither is the config's.
  std::optional<Order> find() const {
    const Order by_config =
        first([](const WeightSlot& slot) { return slot.trainable && !slot.frozen; });
    Order best = by_config;
    size_t best_fit = total_fit(best);
    bool is_only = true;
    for (const Order& order : {trainable_first(), natural(), by_name()}) {
      if (order.size() != wanted_.size() || order == best) continue;
      const size_t found = total_fit(order);
      if (found < best_fit) continue;
      is_only = found > best_fit || best == by_config;
      if (found > best_fit) best = order;
      best_fit = found;
    }
    return is_only ? std::optional(best) : std::nullopt;
  }

 private:
  Order natural() const {
    Order order(wanted_.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    return order;
  }

  template <class IsFirst>
  Order first(IsFirst is_first) const {
    Order order = natural();
    std::stable_partition(order.begin(), order.end(),
                          [&](size_t i) { return is_first(*wanted_[i].slot); });
    return order;
  }

  // Empty unless each name fits one variable best and no two the same.
  Order by_name() const {
    Order order;
    std::unordered_set<size_t> taken;
    for (const auto& parts : parts_) {
      size_t match = wanted_.size(), best = 0;
      for (size_t i = 0; i < wanted_.size(); ++i) {
        const size_t found = fit(parts, wanted_[i]);
        if (found < best || found == 0) continue;
        match = found == best ? wanted_.size() : i;
        best = found;
      }
      if (match == wanted_.size() || !taken.insert(match).second) return {};
      order.push_back(match);
    }
    return order;
  }

  size_t total_fit(const Order& order) const {
    size_t sum = 0;
    for (size_t i = 0; i < order.size(); ++i) sum += fit(parts_[i], wanted_[order[i]]);
    return sum;
  }

  const std::vector<Wanted>& wanted_;
  std::vector<std::vector<std::string>> parts_;
};

class LegacyBinder {
 public:
  LegacyBinder(const Hdf5File& file, const std::string& label, const std::string& group)
      : file_(file), label_(label), group_(group), writer_(find_writer()) {}

  void bind(const WeightOwner& root) {
    std::vector<const WeightOwner*> owners;
    for (const WeightOwner& child : root.children) {
      if (!WantedCollector::collect(child).empty()) owners.push_back(&child);
    }
    const std::vector<StoredGroup> groups = matched(owners, read_groups());
    for (size_t i = 0; i < owners.size(); ++i) bind_group(*owners[i], groups[i]);
  }

  FoundWeights take() { return std::move(found_); }

 private:
  // Files from before Keras wrote its version are those of Keras 1.
  LegacyWriter find_writer() const {
    std::optional<std::string> version, backend;
    for (const std::string& holder : {group_, std::string()}) {
      if (!version) version = file_.string_attribute(holder, "keras_version");
      if (!backend) backend = file_.string_attribute(holder, "backend");
    }
    return {!version || version->starts_with("1"), backend == "theano"};
  }

  // A list that is too long for one attribute is split into name0, name1, ...
  std::vector<std::string> list_attribute(const std::string& path, const std::string& name) const {
    if (auto whole = file_.string_list_attribute(path, name)) return *std::move(whole);
    std::vector<std::string> list;
    for (int part = 0;; ++part) {
      const auto items = file_.string_list_attribute(path, name + std::to_string(part));
      require(items || part > 0, ErrorCode::kInvalidModel,
              "{}: the attribute {} of \"/{}\" is missing", label_, name, path);
      if (!items) return list;
      list.insert(list.end(), items->begin(), items->end());
    }
  }

  std::string path_of(const std::string& name) const {
    return group_.empty() ? name : group_ + "/" + name;
  }

  std::vector<StoredGroup> read_groups() const {
    std::vector<StoredGroup> groups;
    for (const std::string& name : list_attribute(group_, "layer_names")) {
      require(file_.is_group(path_of(name)), ErrorCode::kInvalidModel,
              "{}: the group \"/{}\" is missing", label_, path_of(name));
      StoredGroup group{name, list_attribute(path_of(name), "weight_names")};
      if (!group.weight_names.empty()) groups.push_back(std::move(group));
    }
    return groups;
  }

  // The groups in the order of the owners: by name where all names are there, else by order.
  std::vector<StoredGroup> matched(const std::vector<const WeightOwner*>& owners,
                                   std::vector<StoredGroup> groups) const {
    std::unordered_map<std::string, size_t> places;
    for (size_t i = 0; i < groups.size(); ++i) places.emplace(groups[i].name, i);
    const auto missing = std::find_if(owners.begin(), owners.end(), [&](const WeightOwner* owner) {
      return places.count(owner->name) == 0;
    });
    require(owners.size() == groups.size(), ErrorCode::kInvalidModel,
            "{} holds weights of {} layers; the model has {} layers with weights{}", label_,
            groups.size(), owners.size(),
            missing == owners.end() ? "" : fmt::format(", \"{}\" for one", (*missing)->name));
    if (missing != owners.end()) return groups;
    std::vector<StoredGroup> sorted;
    for (const WeightOwner* owner : owners) sorted.push_back(groups[places.at(owner->name)]);
    return sorted;
  }

  void bind_group(const WeightOwner& owner, const StoredGroup& group) {
    std::vector<Wanted> wanted = WantedCollector::collect(owner);
    // Keras 1 may store more arrays than there are weights, all in the plain order.
    const bool merging = writer_.keras1 && wanted.size() != group.weight_names.size();
    const OrderFinder finder(wanted, group.weight_names);
    std::vector<Wanted> ordered;
    for (const size_t i :
         merging ? finder.trainable_first() : checked_order(owner, group, finder)) {
      ordered.push_back(wanted[i]);
    }
    std::vector<Tensor> stored;
    for (size_t i = 0; i < group.weight_names.size(); ++i) {
      const std::string path = path_of(group.name) + "/" + group.weight_names[i];
      const auto read = [&] { return file_.open_array(path).read(); };
      // Where there are more arrays than weights, nothing is known of a single one.
      stored.push_back(merging ? read() : naming_weight(*ordered[i].owner, *ordered[i].slot, read));
    }
    hand_out(owner, group, ordered, converted(ordered, std::move(stored)));
  }

  Order checked_order(const WeightOwner& owner, const StoredGroup& group,
                      const OrderFinder& finder) const {
    require_count(owner, group, group.weight_names.size(), finder.num_wanted());
    std::optional<Order> order = finder.find();
    require(order.has_value(), ErrorCode::kInvalidModel,
            "{}: the names of the weights in \"/{}\" fit its layers in more than one way, and none "
            "is what the config says of layers that are not trainable",
            weight_place(owner, label_), path_of(group.name));
    return *std::move(order);
  }

  void require_count(const WeightOwner& owner, const StoredGroup& group, size_t num_stored,
                     size_t num_wanted) const {
    require(num_stored == num_wanted, ErrorCode::kInvalidModel,
            "{}: \"/{}\" holds {} weights; expected {}", weight_place(owner, label_),
            path_of(group.name), num_stored, num_wanted);
  }

  std::vector<Tensor> converted(const std::vector<Wanted>& wanted,
                                std::vector<Tensor> stored) const {
    std::vector<const WeightSlot*> slots;
    for (const Wanted& weight : wanted) slots.push_back(weight.slot);
    if (writer_.keras1) stored = merge_gates(std::move(stored), slots);
    if (stored.size() != slots.size()) return stored;
    convert_cudnn(slots, stored);
    for (size_t i = 0; i < slots.size(); ++i) {
      stored[i] = convert_kernel(stored[i], *slots[i], writer_);
    }
    return stored;
  }

  void hand_out(const WeightOwner& owner, const StoredGroup& group,
                const std::vector<Wanted>& wanted, const std::vector<Tensor>& stored) {
    require_count(owner, group, stored.size(), wanted.size());
    for (size_t i = 0; i < stored.size(); ++i) {
      require_shape(stored[i].shape(), *wanted[i].slot, *wanted[i].owner, label_);
      found_.emplace_back(wanted[i].slot->id, stored[i]);
      for (const WeightSlot* alias : wanted[i].aliases) {
        require_shape(stored[i].shape(), *alias, *wanted[i].owner, label_);
        found_.emplace_back(alias->id, stored[i]);
      }
    }
  }

  const Hdf5File& file_;
  const std::string& label_;
  const std::string& group_;
  const LegacyWriter writer_;
  FoundWeights found_;
};

class LegacyWeights : public WeightFile {
 public:
  LegacyWeights(Bytes image, std::string file, std::string group)
      : image_(std::move(image)), file_(std::move(file)), group_(std::move(group)) {
    const Hdf5File opened(image_, file_);
    require(opened.is_group(group_), ErrorCode::kInvalidModel, "{}: the group \"/{}\" is missing",
            file_, group_);
  }

  size_t size_in_bytes() const override { return image_.size; }
  void bind(const WeightOwner& root, const WeightSink& sink) const override {
    for (auto& [id, data] : find(root)) sink(id, std::move(data));
  }

 private:
  FoundWeights find(const WeightOwner& root) const {
    const Hdf5File file(image_, file_);
    LegacyBinder binder(file, file_, group_);
    binder.bind(root);
    return binder.take();
  }

  Bytes image_;
  std::string file_;
  std::string group_;
};

}  // namespace

std::unique_ptr<WeightFile> open_legacy_weights(Bytes image, std::string file, std::string group) {
  return std::make_unique<LegacyWeights>(std::move(image), std::move(file), std::move(group));
}

}  // namespace hornet::keras
