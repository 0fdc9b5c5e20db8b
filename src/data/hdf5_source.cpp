#include <algorithm>
#include <cstring>

#include "archive/hdf5_file.h"
#include "base/check.h"
#include "base/cpu.h"
#include "data/block_cache.h"
#include "data/byte_budget.h"
#include "data/dense_source.h"
#include "data/hdf5.h"
#include "data/input.h"
#include "data/resident_window.h"
#include "data/rows.h"
#include "data/watched_file.h"

namespace hornet {
namespace {

// The reader of HDF5 speaks of models, and of arguments where a shape is too large; here its files
// are inputs.
template <class Function>
auto as_input(Function&& function) {
  try {
    return function();
  } catch (const Error& error) {
    const bool is_of_file =
        error.code() == ErrorCode::kInvalidModel || error.code() == ErrorCode::kInvalidArgument;
    if (!is_of_file) throw;
    throw Error(ErrorCode::kInvalidInput, error.message());
  }
}

// How many chunks are kept: those of every worker's row band, within bounds; a quarter of
// `memory_bytes` at most, unless that is 0.
size_t cache_bytes(uint64_t band_bytes, size_t memory_bytes) {
  constexpr uint64_t kLeast = uint64_t{32} << 20, kMost = uint64_t{512} << 20;
  const auto workers = static_cast<uint64_t>(usable_cores_of_process());
  const uint64_t wanted = band_bytes > kMost ? kMost : band_bytes * (workers + 1);
  const auto bytes = static_cast<size_t>(std::clamp(wanted, kLeast, kMost));
  return memory_bytes == 0 ? bytes : std::min(bytes, memory_bytes / 4);
}

class ChunkedSource : public Source {
 public:
  ChunkedSource(std::shared_ptr<const MappedFile> file, std::unique_ptr<const Hdf5File> hdf5,
                const Hdf5Array& array, std::string name, size_t memory_bytes)
      : file_(std::move(file)),
        hdf5_(std::move(hdf5)),
        array_(array),
        name_(std::move(name)),
        row_shape_(array_.shape().begin() + 1, array_.shape().end()),
        row_bytes_(num_bytes(array_.dtype(), row_shape_)),
        chunks_(array_.stored_chunks([this] { file_->forget_pages(); })),
        chunks_across_(count_across()),
        cache_(cache_bytes(saturating_band_bytes(), memory_bytes), BlockCache::kBytesBesideBlock),
        decoding_(memory_bytes / 2),
        window_(memory_bytes / 4) {}

  int64_t num_rows() const override { return array_.shape()[0]; }
  const Shape& row_shape() const override { return row_shape_; }
  DType dtype() const override { return array_.dtype(); }
  std::string name() const override { return name_; }

  TensorView rows(int64_t begin, int64_t end, std::vector<std::byte>& scratch) const override {
    check_range(name_, begin, end, num_rows());
    TensorView view = {nullptr, dtype(), batched(end - begin, row_shape_)};
    const size_t bytes = static_cast<size_t>(end - begin) * row_bytes_;
    scratch.resize(bytes);
    view.data = scratch.data();
    if (bytes == 0) return view;
    const auto chunk_rows = array_.chunk_shape()[0];
    const auto first = static_cast<uint64_t>(begin) / chunk_rows;
    const auto last = static_cast<uint64_t>(end - 1) / chunk_rows;
    const auto copy = [&](uint64_t number, const BlockCache::Block& block) {
      copy_chunk(block, number / chunks_across_, number % chunks_across_,
                 static_cast<uint64_t>(begin), static_cast<uint64_t>(end), scratch.data());
    };
    // Being decoded for others; so few that they are still in the cache afterwards.
    constexpr size_t kMostBusy = 4;
    std::vector<uint64_t> busy;
    const auto copy_busy = [&] {
      for (const uint64_t i : busy) copy(i, *cache_.get(i, decoder(i)));
      busy.clear();
    };
    for (uint64_t i = first * chunks_across_; i < (last + 1) * chunks_across_; ++i) {
      if (busy.size() == kMostBusy) copy_busy();
      if (const auto block = cache_.get_unless_busy(i, decoder(i))) {
        copy(i, *block);
      } else {
        busy.push_back(i);
      }
    }
    copy_busy();
    to_native(scratch);
    return view;
  }

  void forget() const override { file_->forget_pages(); }
  void forget_decoded() const override { cache_.clear(); }

 private:
  uint64_t count_across() const {
    uint64_t count = 1;
    for (size_t i = 1; i < array_.shape().size(); ++i) count *= chunks_along(i);
    return count;
  }
  uint64_t chunks_along(size_t i) const {
    const auto dim = static_cast<uint64_t>(array_.shape()[i]);
    return dim / array_.chunk_shape()[i] + (dim % array_.chunk_shape()[i] != 0);
  }
  uint64_t saturating_band_bytes() const {
    uint64_t bytes = 0;
    const bool overflow = __builtin_mul_overflow(
        array_.chunk_bytes() + BlockCache::kBytesBesideBlock, chunks_across_, &bytes);
    return overflow ? ~uint64_t{0} : bytes;
  }

  // Makes the block of a chunk.
  std::function<void(BlockCache::Block&)> decoder(uint64_t number) const {
    return [this, number](BlockCache::Block& block) {
      // Filters go back and forth between two buffers.
      const auto lease = decoding_.take(2 * static_cast<size_t>(array_.chunk_bytes()), name_);
      as_input([&] { decode(chunks_[number], block); });
    };
  }

  // A block that is kept must be of bytes that were there.
  void decode(const Hdf5Array::StoredChunk& stored, BlockCache::Block& block) const {
    const std::span<const std::byte> bytes = array_.stored_bytes(stored);
    if (bytes.empty()) return array_.decode(stored, block);
    window_.use(static_cast<size_t>(bytes.data() - file_->data()), bytes.size(),
                [this](size_t offset, size_t size) { file_->forget_pages(offset, size); });
    file_.read(bytes.data(), [&] {
      array_.decode(stored, block);
      return bytes.data() + bytes.size();
    });
  }

  // Copies what chunk `k` of a band has of the rows [begin, end) to `rows`, where row `begin` is.
  void copy_chunk(const BlockCache::Block& block, uint64_t band, uint64_t k, uint64_t begin,
                  uint64_t end, std::byte* rows) const {
    const std::vector<uint64_t>& dims = array_.chunk_shape();
    const size_t rank = dims.size();
    const uint64_t first = std::max(begin, band * dims[0]);
    const uint64_t last = std::min(end, (band + 1) * dims[0]);
    const std::byte* from = block.data() + (first - band * dims[0]) * chunk_row_bytes();
    std::byte* const to = rows + (first - begin) * row_bytes_;
    // Where a chunk holds rows whole, one copy does.
    if (chunk_row_bytes() == row_bytes_ && chunks_across_ == 1) {
      std::memcpy(to, from, (last - first) * row_bytes_);
      return;
    }
    std::vector<uint64_t> offset(rank, 0), extent(rank, 1);
    for (size_t i = rank; i-- > 1;) {
      offset[i] = k % chunks_along(i) * dims[i];
      k /= chunks_along(i);
      extent[i] = std::min(dims[i], static_cast<uint64_t>(array_.shape()[i]) - offset[i]);
    }
    for (uint64_t row = first; row < last; ++row) {
      copy_part(from + (row - first) * chunk_row_bytes(), to + (row - first) * row_bytes_, offset,
                extent);
    }
  }

  // One row: its part of shape `extent` (from the second dimension on) to where `offset` says.
  void copy_part(const std::byte* from, std::byte* to, const std::vector<uint64_t>& offset,
                 const std::vector<uint64_t>& extent) const {
    const std::vector<uint64_t>& dims = array_.chunk_shape();
    const size_t rank = dims.size(), size = size_of(dtype());
    if (rank == 1) {
      std::memcpy(to, from, size);
      return;
    }
    uint64_t num_runs = 1;
    for (size_t i = 1; i + 1 < rank; ++i) num_runs *= extent[i];
    for (uint64_t run = 0; run < num_runs; ++run) {
      uint64_t rest = run, source = 0, target = offset[rank - 1];
      uint64_t source_stride = dims[rank - 1];
      auto target_stride = static_cast<uint64_t>(array_.shape()[rank - 1]);
      for (size_t i = rank - 1; i-- > 1;) {
        const uint64_t at = rest % extent[i];
        rest /= extent[i];
        source += at * source_stride;
        target += (offset[i] + at) * target_stride;
        source_stride *= dims[i];
        target_stride *= static_cast<uint64_t>(array_.shape()[i]);
      }
      std::memcpy(to + target * size, from + source * size, extent[rank - 1] * size);
    }
  }

  uint64_t chunk_row_bytes() const { return array_.chunk_bytes() / array_.chunk_shape()[0]; }

  void to_native(std::vector<std::byte>& bytes) const {
    const size_t size = size_of(dtype());
    if (array_.big_endian() && size > 1) {
      for (size_t i = 0; i < bytes.size(); i += size) {
        std::reverse(bytes.data() + i, bytes.data() + i + size);
      }
    }
    if (dtype() == DType::kBool) {
      for (std::byte& value : bytes) value = std::byte{value != std::byte{0}};
    }
  }

  const WatchedFile file_;
  const std::unique_ptr<const Hdf5File> hdf5_;
  const Hdf5Array array_;
  const std::string name_;
  const Shape row_shape_;
  const size_t row_bytes_;
  const std::vector<Hdf5Array::StoredChunk> chunks_;
  const uint64_t chunks_across_;  // chunks that lie beside each other over the same rows
  mutable BlockCache cache_;
  mutable ByteBudget decoding_;
  mutable ResidentWindow window_;
};

// An array that was never written.
class FilledSource : public Source {
 public:
  FilledSource(const Hdf5Array& array, const MappedFile& file, std::string name)
      : name_(std::move(name)),
        dtype_(array.dtype()),
        num_rows_(array.shape()[0]),
        row_shape_(array.shape().begin() + 1, array.shape().end()),
        row_bytes_(num_bytes(dtype_, row_shape_)),
        value_(array.fill_value()) {
    constexpr uint64_t kFreeBytes = uint64_t{64} << 20, kMaxRatio = 1000;  // as of chunks
    require(row_bytes_ <= kFreeBytes || row_bytes_ / kMaxRatio <= file.size(),
            ErrorCode::kInvalidInput, "{} claims rows of {} bytes; the file has {} bytes", name_,
            row_bytes_, file.size());
    value_.resize(size_of(dtype_));
    if (array.big_endian()) std::reverse(value_.begin(), value_.end());
    if (dtype_ == DType::kBool) value_[0] = std::byte{value_[0] != std::byte{0}};
  }

  int64_t num_rows() const override { return num_rows_; }
  const Shape& row_shape() const override { return row_shape_; }
  DType dtype() const override { return dtype_; }
  std::string name() const override { return name_; }

  TensorView rows(int64_t begin, int64_t end, std::vector<std::byte>& scratch) const override {
    check_range(name_, begin, end, num_rows_);
    scratch.resize(static_cast<size_t>(end - begin) * row_bytes_);
    for (size_t i = 0; i < scratch.size(); i += value_.size()) {
      std::memcpy(scratch.data() + i, value_.data(), value_.size());
    }
    return {scratch.data(), dtype_, batched(end - begin, row_shape_)};
  }

 private:
  const std::string name_;
  const DType dtype_;
  const int64_t num_rows_;
  const Shape row_shape_;
  const size_t row_bytes_;
  std::vector<std::byte> value_;  // of each element
};

// The only dataset at the root of a file.
std::string only_dataset(const Hdf5File& hdf5, const std::string& path) {
  std::vector<std::string> names = as_input([&] { return hdf5.members(""); });
  std::sort(names.begin(), names.end());
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "/" : ", /") + name;
  const bool is_one = names.size() == 1 && !as_input([&] { return hdf5.is_group(names[0]); });
  require(is_one, ErrorCode::kInvalidArgument, "{} has {}: name the dataset, as {}:/NAME", path,
          list.empty() ? "no dataset" : list, path);
  return names[0];
}

}  // namespace

std::unique_ptr<Source> open_hdf5_source(const std::string& path, const SourceOptions& options,
                                         FileSystem& fs) {
  const MemberPath place = split_member(path);
  const auto file = open_input(place.file, Gzip::kByName, fs);
  auto hdf5 = as_input([&] {
    return std::make_unique<const Hdf5File>(Bytes{file, file->data(), file->size()}, place.file);
  });
  const std::string member =
      place.member ? place.member->substr(1) : only_dataset(*hdf5, place.file);
  return as_input([&]() -> std::unique_ptr<Source> {
    require(hdf5->exists(member), ErrorCode::kInvalidInput, "{} has no dataset /{}", place.file,
            member);
    const Hdf5Array array = hdf5->open_array(member);
    require(!array.shape().empty(), ErrorCode::kShapeMismatch,
            "{}: is a single value of shape (); expected rows, shape (rows, ...)", path);
    if (array.is_chunked() && num_elements(array.shape()) > 0) {
      return std::make_unique<ChunkedSource>(file, std::move(hdf5), array, path,
                                             options.memory_bytes);
    }
    if (!array.is_written() && num_elements(array.shape()) > 0) {
      return std::make_unique<FilledSource>(array, *file, path);
    }
    DenseRows rows;
    rows.file = file;
    rows.data = array.stored();
    rows.name = path;
    rows.dtype = array.dtype();
    rows.big_endian = array.big_endian();
    rows.shape = array.shape();
    rows.normalize_bools = array.dtype() == DType::kBool;
    return dense_source(std::move(rows));
  });
}

}  // namespace hornet
