// Layers inside wrappers, and cells, that are met more than once: files hold them once.
#include <gmock/gmock.h>

#include <map>

#include "layers/lowering.h"
#include "unit/keras/fixtures.h"

namespace hornet::layers {
namespace {

using Firsts = std::map<std::string, std::vector<float>>;

void collect_firsts(const keras::WeightOwner& owner, const std::map<int64_t, float>& found,
                    Firsts& firsts) {
  for (const keras::WeightSlot& slot : owner.slots) {
    firsts[owner.name].push_back(found.count(slot.id) > 0 ? found.at(slot.id) : -1);
  }
  for (const keras::WeightOwner& child : owner.children) collect_firsts(child, found, firsts);
}

// The first number of each weight of each layer.
Firsts first_numbers(const char* file) {
  const keras::LoadedModel loaded = keras::load(data_path(file));
  const LoweredModel lowered = lower(loaded.config, Registry::keras());
  Firsts firsts;
  collect_firsts(lowered.weights, keras::first_elements(*loaded.weights, lowered.weights), firsts);
  return firsts;
}

TEST(SharedParts, HaveTheWeightsOfTheOneThatIsStored) {
  const Firsts expected = {{"d", {0, 16}},      {"t1", {0, 16}}, {"t2", {0, 16}},
                           {"t3", {20, 36}},    {"e", {20, 36}}, {"r1", {40, 56, 72}},
                           {"r2", {40, 56, 72}}};
  EXPECT_EQ(first_numbers("shared_parts.keras"), expected);
  EXPECT_EQ(first_numbers("shared_parts.h5"), expected);
}

}  // namespace
}  // namespace hornet::layers
