// What the tests of keras/ share.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "keras/json.h"
#include "keras/load.h"
#include "unit/archive/fixtures.h"

namespace hornet::keras {

inline Dict object(const std::string& json) { return *parse_json(json, "test").get_if<Dict>(); }

// The first element of each slot's data.
inline std::map<int64_t, float> first_elements(const WeightFile& weights, const WeightOwner& root) {
  std::map<int64_t, float> found;
  weights.bind(root, [&](int64_t id, const Tensor& data) { found[id] = floats(data).at(0); });
  return found;
}

inline WeightOwner dense_owner(const std::string& name, int64_t inputs, int64_t units, int64_t id) {
  WeightOwner owner;
  owner.name = name;
  owner.class_name = "Dense";
  owner.slots = {{"kernel", "vars/0", {inputs, units}, true, id},
                 {"bias", "vars/1", {units}, true, id + 1}};
  return owner;
}

inline WeightOwner norm_owner(const std::string& name, int64_t units, int64_t id) {
  WeightOwner owner;
  owner.name = name;
  owner.class_name = "BatchNormalization";
  owner.slots = {{"gamma", "vars/0", {units}, true, id},
                 {"beta", "vars/1", {units}, true, id + 1},
                 {"moving_mean", "vars/2", {units}, false, id + 2},
                 {"moving_variance", "vars/3", {units}, false, id + 3}};
  return owner;
}

inline WeightOwner model_owner(const std::string& name, const std::string& class_name,
                               std::vector<WeightOwner> children) {
  WeightOwner owner;
  owner.name = name;
  owner.class_name = class_name;
  owner.is_model = true;
  owner.children = std::move(children);
  return owner;
}

}  // namespace hornet::keras
