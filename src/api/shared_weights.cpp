#include "api/shared_weights.h"

#include <cstring>
#include <string>
#include <vector>

#include "base/check.h"
#include "runtime/message.h"

namespace hornet::internal {
namespace {

constexpr size_t kAlignment = 64;
// A page holds several constants smaller than this; they stay where they are.
constexpr size_t kSmallestShared = 4096;

struct Entry {
  graph::ValueId value = graph::kNoValue;  // a constant of the graph, or
  std::string key;                         // packed weights
  Tensor data;
};

std::vector<Entry> entries_of(const graph::Graph& graph, kernels::PackedWeights& packed) {
  std::vector<Entry> entries;
  for (auto& [key, data] : packed.all()) entries.push_back({graph::kNoValue, key, data});
  const std::vector<int> uses = graph.use_counts();
  for (size_t i = 0; i < uses.size(); ++i) {
    const graph::Value& value = graph.values()[i];
    if (uses[i] == 0 || !value.is_constant || !value.data) continue;
    if (value.data->num_bytes() < kSmallestShared) continue;
    entries.push_back({static_cast<graph::ValueId>(i), "", value.data->unscaled()});
  }
  return entries;
}

size_t aligned(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

// Gives constants that are not shared memory of their own: each of them, however small, keeps all
// that it was read from in memory, an inflated archive for one.
void move_small_constants(graph::Graph& graph) {
  for (size_t i = 0; i < graph.values().size(); ++i) {
    const graph::Value& value = graph.values()[i];
    if (!value.is_constant || !value.data) continue;
    const size_t bytes = value.data->num_bytes();
    if (bytes == 0 || bytes >= kSmallestShared) continue;
    Tensor copy(value.data->dtype(), value.data->shape());
    std::memcpy(copy.mutable_data(), value.data->unscaled().data(), bytes);
    graph.move_constant(static_cast<graph::ValueId>(i), std::move(copy));
  }
}

}  // namespace

// The number of bytes of the table of contents, the table, then the data, each part aligned.
std::unique_ptr<MemoryFile> share_weights(const graph::Graph& graph,
                                          kernels::PackedWeights& packed) {
  const std::vector<Entry> entries = entries_of(graph, packed);
  runtime::MessageWriter table;
  table.number(static_cast<uint64_t>(entries.size()));
  size_t offset = 0;  // from the first byte after the table
  for (const Entry& entry : entries) {
    table.number(entry.value).text(entry.key).number(entry.data.dtype());
    table.numbers(entry.data.shape()).number(static_cast<uint64_t>(offset));
    offset += aligned(entry.data.num_bytes());
  }
  const uint64_t table_bytes = table.bytes().size();
  const size_t first = aligned(sizeof(table_bytes) + table_bytes);
  auto file = std::make_unique<MemoryFile>("hornet-weights", first + offset);
  file->write_at(0, std::as_bytes(std::span(&table_bytes, 1)));
  file->write_at(sizeof(table_bytes), std::as_bytes(std::span(table.bytes())));
  size_t place = first;
  for (const Entry& entry : entries) {
    file->write_at(place,
                   {static_cast<const std::byte*>(entry.data.data()), entry.data.num_bytes()});
    place += aligned(entry.data.num_bytes());
  }
  file->seal();
  return file;
}

void adopt_weights(int descriptor, graph::Graph& graph, kernels::PackedWeights& packed) {
  const auto memory = std::make_shared<const MappedMemory>(descriptor, false);
  const std::string_view bytes(reinterpret_cast<const char*>(memory->data()), memory->size());
  const auto table_bytes = runtime::MessageReader(bytes).number<uint64_t>();
  runtime::MessageReader table(bytes.substr(sizeof(table_bytes), table_bytes));
  const size_t first = aligned(sizeof(table_bytes) + table_bytes);
  for (auto count = table.number<uint64_t>(); count > 0; --count) {
    const auto value = table.number<graph::ValueId>();
    const std::string key = table.text();
    const auto dtype = table.number<DType>();
    const auto shape = table.numbers<int64_t>();
    const size_t offset = first + table.number<uint64_t>();
    HORNET_CHECK(offset <= memory->size() && num_bytes(dtype, shape) <= memory->size() - offset);
    Tensor data(dtype, shape, memory, memory->data() + offset);
    if (value == graph::kNoValue) {
      packed.adopt(key, std::move(data));
      continue;
    }
    HORNET_CHECK(static_cast<size_t>(value) < graph.values().size());
    graph.move_constant(value, std::move(data));
  }
  move_small_constants(graph);
}

}  // namespace hornet::internal
