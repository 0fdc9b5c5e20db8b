#include "keras/weights.h"

#include "archive/zip_archive.h"
#include "unit/base/temporary_directory.h"
#include "unit/keras/fixtures.h"

namespace hornet::keras {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

TEST(SnakeCase, IsThatOfKeras) {
  EXPECT_EQ(snake_case("Conv2D"), "conv2d");
  EXPECT_EQ(snake_case("PReLU"), "p_re_lu");
  EXPECT_EQ(snake_case("LeakyReLU"), "leaky_re_lu");
  EXPECT_EQ(snake_case("Conv2DTranspose"), "conv2d_transpose");
  EXPECT_EQ(snake_case("GlobalAveragePooling2D"), "global_average_pooling2d");
  EXPECT_EQ(snake_case("LSTM"), "lstm");
  EXPECT_EQ(snake_case("ConvLSTM2D"), "conv_lstm2d");
  EXPECT_EQ(snake_case("MultiHeadAttention"), "multi_head_attention");
  EXPECT_EQ(snake_case("GroupQueryAttention"), "grouped_query_attention");
}

// The tree of nested.keras; ids count the weights in the order of the file.
WeightOwner nested_tree() {
  return model_owner(
      "outer", "Functional",
      {dense_owner("d", 4, 4, 0),
       model_owner("inner", "Functional", {dense_owner("d", 4, 4, 2), norm_owner("bn", 4, 4)}),
       dense_owner("z", 4, 3, 8)});
}

using FoundFirsts = std::map<int64_t, float>;

TEST(Keras3Weights, AreFoundByClassAndNumber) {
  for (const char* name : {"nested.keras", "nested_deflated.keras"}) {
    const LoadedModel model = load(data_path(name));
    EXPECT_EQ(model.keras_version, "3.16.0");
    EXPECT_THAT(first_elements(*model.weights, nested_tree()),
                ElementsAre(Pair(0, 0), Pair(1, 16), Pair(2, 20), Pair(3, 36), Pair(4, 40),
                            Pair(5, 44), Pair(6, 48), Pair(7, 52), Pair(8, 56), Pair(9, 68)));
  }
}

TEST(Keras3Weights, SharedLayer_IsFoundAtItsFirstPlace) {
  WeightOwner inside = dense_owner("one", 4, 4, 0), outside = dense_owner("one", 4, 4, 2);
  inside.shared_object_id = outside.shared_object_id = 7;
  const WeightOwner root = model_owner(
      "outer", "Functional",
      {model_owner("inner", "Sequential", {inside}), outside, dense_owner("two", 4, 4, 4)});
  EXPECT_THAT(
      first_elements(*load(data_path("shared.keras")).weights, root),
      ElementsAre(Pair(0, 0), Pair(1, 16), Pair(2, 0), Pair(3, 16), Pair(4, 20), Pair(5, 36)));
}

TEST(Keras3Weights, GroupsOfKeras213_HaveGapsInTheirNumbers) {
  const LoadedModel model = load(data_path("keras213.keras"));
  const WeightOwner root = model_owner(
      "m", "Functional",
      {dense_owner("a", 4, 4, 0), dense_owner("b", 4, 4, 2), dense_owner("c", 4, 4, 4)});
  EXPECT_THAT(
      first_elements(*model.weights, root),
      ElementsAre(Pair(0, 0), Pair(1, 16), Pair(2, 20), Pair(3, 36), Pair(4, 40), Pair(5, 56)));
}

TEST(Keras3Weights, MismatchesNameFileLayerAndShapes) {
  const std::string path = data_path("nested.keras");
  const LoadedModel model = load(path);
  const auto error = [&](const std::function<void(WeightOwner&)>& change) {
    WeightOwner root = nested_tree();
    change(root);
    return error_of([&] { first_elements(*model.weights, root); });
  };
  EXPECT_EQ(error([](WeightOwner&) {}), "");
  EXPECT_EQ(
      error([](WeightOwner& root) {
        root.children[2].slots[0].shape = {5, 3};
      }),
      "shape_mismatch: layer \"z\" (Dense) in " + path + ": kernel is [4, 3]; expected [5, 3]");
  EXPECT_THAT(
      error([](WeightOwner& root) { root.children[2].slots[1].path = "vars/2"; }),
      HasSubstr("bias is missing: there is no \"/layers/dense_1/vars/2\"; expected an array of "
                "shape [3]"));
  EXPECT_THAT(error([](WeightOwner& root) { root.children[2].slots.pop_back(); }),
              HasSubstr("\"/layers/dense_1/vars\" holds 2 weights; expected 1"));
  EXPECT_THAT(error([](WeightOwner& root) { root.children[2].slots[0].path = "vars"; }),
              HasSubstr("layer \"z\" (Dense): kernel: \"/layers/dense_1/vars\" in " + path +
                        " is no array"));
  EXPECT_THAT(error([](WeightOwner& root) { root.children.push_back(dense_owner("w", 1, 1, 10)); }),
              HasSubstr("layer \"w\" (Dense)"));
}

// The tree of the keras2*.h5 files; ids count the weights in the order of keras2.h5.
WeightOwner keras2_tree() {
  WeightOwner bn = norm_owner("bn", 4, 4);
  bn.slots[2].id = 8;
  bn.slots[3].id = 9;
  return model_owner("outer", "Functional",
                     {dense_owner("d", 4, 4, 0),
                      model_owner("inner", "Sequential",
                                  {dense_owner("d1", 4, 4, 2), bn, dense_owner("d2", 4, 4, 6)})});
}

const std::map<int64_t, float> kKeras2Weights = {{0, 0},  {1, 16}, {2, 20}, {3, 36}, {4, 40},
                                                 {5, 44}, {6, 48}, {7, 64}, {8, 68}, {9, 72}};

TEST(LegacyWeights, TrainableOnesComeFirst) {
  EXPECT_EQ(first_elements(*load(data_path("keras2.h5")).weights, keras2_tree()), kKeras2Weights);
}

TEST(LegacyWeights, SplitAndVariableLengthAttributes_AreRead) {
  EXPECT_EQ(first_elements(*load(data_path("keras2_split.h5")).weights, keras2_tree()),
            kKeras2Weights);
}

TEST(LegacyWeights, FrozenLayer_IsFoundByItsName) {
  EXPECT_EQ(first_elements(*load(data_path("keras2_frozen.h5")).weights, keras2_tree()),
            kKeras2Weights);
}

FoundFirsts towers(const char* file, bool a_is_frozen) {
  WeightOwner a = model_owner("a", "Sequential", {dense_owner("dense", 4, 4, 0)});
  for (WeightSlot& slot : a.children[0].slots) slot.frozen = a_is_frozen;
  const WeightOwner b = model_owner("b", "Sequential", {dense_owner("dense", 4, 4, 2)});
  const LoadedModel model = load(data_path("keras2.json"), data_path(file));
  return first_elements(
      *model.weights, model_owner("m", "Functional", {model_owner("inner", "Functional", {a, b})}));
}

TEST(LegacyWeights, OfLayersNamedAlike_AreToldByTheModelsAroundThem) {
  const FoundFirsts expected = {{0, 20}, {1, 36}, {2, 0}, {3, 16}};
  EXPECT_EQ(towers("towers.h5", true), expected);
  EXPECT_EQ(towers("towers.h5", false), expected);
}

TEST(LegacyWeights, NamesThatDoNotTell_LeaveTheOrderToTheConfig) {
  EXPECT_EQ(towers("towers_numbered.h5", true), (FoundFirsts{{0, 20}, {1, 36}, {2, 0}, {3, 16}}));
}

TEST(LegacyWeights, NamesThatTellTwoThings_AreAnError) {
  const auto owner = [](const char* name, bool trainable, bool frozen, int64_t id) {
    WeightOwner layer;
    layer.name = name;
    layer.class_name = "Custom";
    layer.slots = {{"w", "vars/0", {4}, trainable, id}};
    layer.slots[0].frozen = frozen;
    return layer;
  };
  const WeightOwner inner = model_owner(
      "inner", "Functional",
      {owner("f", true, true, 0), owner("d", false, false, 1), owner("d", true, false, 2)});
  const LoadedModel model = load(data_path("keras2.json"), data_path("towers_unclear.h5"));
  EXPECT_THAT(
      error_of([&] { first_elements(*model.weights, model_owner("m", "Functional", {inner})); }),
      HasSubstr("the names of the weights in \"/inner\" fit its layers in more than one way"));
}

TEST(LegacyWeights, WithoutConfig_GoWithAJsonConfig) {
  const LoadedModel model = load(data_path("keras2.json"), data_path("keras2_weights.h5"));
  EXPECT_EQ(model.keras_version, "2.4.0");
  EXPECT_EQ(first_elements(*model.weights, keras2_tree()), kKeras2Weights);
  EXPECT_EQ(load(data_path("keras2.json")).weights, nullptr);
}

// Layers renamed after the file was written are matched by order.
TEST(LegacyWeights, OtherLayerNames_AreMatchedByOrder) {
  WeightOwner root = keras2_tree();
  root.children[0].name = "renamed";
  for (WeightOwner& child : root.children[1].children) child.name = "new_" + child.name;
  EXPECT_EQ(first_elements(*load(data_path("keras2.h5")).weights, root), kKeras2Weights);
}

TEST(LegacyWeights, Keras1File_IsBroughtToTodaysShapes) {
  const LoadedModel model = load(data_path("keras1.h5"));
  ASSERT_EQ(model.config.layers.size(), 5u);
  EXPECT_EQ(model.config.layers[2].class_name, "Conv1D");
  EXPECT_EQ(model.keras_version, "1.2.2");
  WeightOwner lstm, conv, dense;
  lstm.name = "lstm_1";
  lstm.slots = {{"kernel", "cell/vars/0", {2, 8}, true, 0},
                {"recurrent_kernel", "cell/vars/1", {2, 8}, true, 1},
                {"bias", "cell/vars/2", {8}, true, 2}};
  conv.name = "convolution1d_1";
  conv.class_name = "Conv1D";
  conv.slots = {{"kernel", "vars/0", {2, 2, 3}, true, 3}, {"bias", "vars/1", {3}, true, 4}};
  conv.slots[0].class_name = "Conv1D";
  dense.name = "dense_1";
  dense.slots = {{"kernel", "vars/0", {12, 3}, true, 5}};
  std::map<int64_t, Tensor> found;
  model.weights->bind(model_owner("m", "Sequential", {lstm, conv, dense}),
                      [&](int64_t id, Tensor data) { found[id] = std::move(data); });
  // Gates of ten numbers each, stored as i, c, f, o; two rows of the kernel.
  EXPECT_THAT(floats(found[0]),
              ElementsAre(0, 1, 20, 21, 10, 11, 30, 31, 2, 3, 22, 23, 12, 13, 32, 33));
  EXPECT_THAT(floats(found[2]), ElementsAre(8, 9, 28, 29, 18, 19, 38, 39));
  EXPECT_THAT(found[3].shape(), ElementsAre(2, 2, 3));
  EXPECT_EQ(floats(found[3])[0], 40);
  EXPECT_EQ(floats(found[5])[0], 55);
}

TEST(LegacyWeights, Mismatches_AreErrors) {
  const LoadedModel model = load(data_path("keras2.h5"));
  WeightOwner root = keras2_tree();
  root.children.push_back(dense_owner("more", 1, 1, 20));
  EXPECT_THAT(
      error_of([&] { first_elements(*model.weights, root); }),
      HasSubstr(
          "holds weights of 2 layers; the model has 3 layers with weights, \"more\" for one"));
  root = keras2_tree();
  root.children[0].slots.pop_back();
  EXPECT_THAT(error_of([&] { first_elements(*model.weights, root); }),
              HasSubstr("layer \"d\" (Dense) in " + data_path("keras2.h5") +
                        ": \"/model_weights/d\" holds 2 weights; expected 1"));
  root = keras2_tree();
  root.children[0].slots[0].shape = {4, 5};
  EXPECT_THAT(error_of([&] { first_elements(*model.weights, root); }),
              HasSubstr("kernel is [4, 4]; expected [4, 5]"));
}

// What json.dump(model.to_json(), file) leaves.
TEST(Load, JsonInAText_IsTheConfig) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("model.json");
  write_file(path, R"("{\"class_name\": \"Sequential\", \"config\": {\"name\": \"s\", )"
                   R"(\"layers\": [{\"class_name\": \"ReLU\", \"config\": {\"name\": \"r\"}}]}}")");
  EXPECT_EQ(load(path).config.layers.at(0).name, "r");
}

WeightOwner wide_tree() {
  return model_owner("wide", "Sequential", {dense_owner("d", 4, 70000, 0)});
}

TEST(Load, WeightsOfAMegabyteAndMore_AreReadWhileTheCallerGoesOn) {
  const LoadedModel model = load(data_path("wide.keras"));
  EXPECT_EQ(model.config.name, "wide");
  EXPECT_THAT(first_elements(*model.weights, wide_tree()), ElementsAre(Pair(0, 7), Pair(1, 8)));
}

TEST(Load, DamagedWeights_AreTheErrorOfWhoWantsThem) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("damaged.keras");
  const Bytes whole = map_file(data_path("wide.keras"));
  const ZipArchive archive(whole);
  const Bytes weights = archive.stored_bytes(*archive.find("model.weights.h5"));
  std::string bytes(reinterpret_cast<const char*>(whole.data), whole.size);
  bytes[static_cast<size_t>(weights.data - whole.data) + weights.size / 2] ^= 0x55;
  write_file(path, bytes);
  const LoadedModel model = load(path);
  EXPECT_EQ(model.config.name, "wide");
  const auto expected =
      HasSubstr("invalid_model: " + path + ": the zip entry \"model.weights.h5\" is damaged");
  EXPECT_THAT(error_of([&] { model.weights->wait(); }), expected);
  EXPECT_THAT(error_of([&] { first_elements(*model.weights, wide_tree()); }), expected);
  load(path);  // and nobody wants them: no error, no thread left behind
}

TEST(Load, FilesOfNoKind_AreRefused) {
  EXPECT_THAT(error_of([] { load(data_path("absent.keras")); }), HasSubstr("io: "));
  EXPECT_THAT(error_of([] { load(data_path("make_fixtures.py")); }),
              HasSubstr("is no Keras model"));
  EXPECT_THAT(error_of([] { load(data_path("plain.zip")); }), HasSubstr("has no model.weights.h5"));
  EXPECT_THAT(error_of([] { load(data_path("keras2_weights.h5")); }),
              HasSubstr("holds weights alone"));
  EXPECT_THAT(error_of([] { load(data_path("keras2.h5"), data_path("keras2_weights.h5")); }),
              HasSubstr("invalid_argument"));
}

}  // namespace
}  // namespace hornet::keras
