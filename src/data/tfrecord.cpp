#include "data/tfrecord.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <optional>
#include <vector>

#include "base/check.h"
#include "base/checksum.h"
#include "data/bookmarks.h"
#include "data/example.h"
#include "data/input.h"
#include "data/picture.h"
#include "data/resident_window.h"
#include "data/rows.h"
#include "data/watched_file.h"

namespace hornet {
namespace {

// A record: its length (8 bytes), the length's checksum (4), the data, the data's checksum (4).
constexpr size_t kLengthBytes = 8, kChecksumBytes = 4;
constexpr size_t kHeadBytes = kLengthBytes + kChecksumBytes;

// CRC-32C, turned and shifted so that the checksum of checksums is none.
uint32_t masked_checksum(const std::byte* data, size_t size) {
  const uint32_t crc = crc32c(data, size);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

template <class T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

// Where records begin: it is kept of one every now and then.
class Records {
 public:
  Records(std::shared_ptr<const MappedFile> file, std::string name, size_t memory_bytes)
      : file_(std::move(file)), name_(std::move(name)), window_(memory_bytes) {
    const size_t distance = distance_of_known_rows(file_->size());
    size_t noted = 0;
    for (size_t at = 0; at < file_->size(); ++count_) {
      if (marks_.empty() || at - marks_.back().at >= distance) marks_.push_back({count_, at});
      note_head(at, noted);
      at = end_of(at, count_);
    }
  }

  int64_t count() const { return count_; }
  void forget() const { file_->forget_pages(); }
  std::string label(int64_t record) const { return fmt::format("{}: record {}", name_, record); }

  // Calls `visit` with the data of records [begin, end), whose checksums it has checked.
  template <class Visit>
  void for_each(int64_t begin, int64_t end, const Visit& visit) const {
    if (begin == end) return;
    const Mark mark = last_known(begin);
    size_t at = mark.at;
    file_.read(file_->data() + at, [&] {
      size_t noted = 0;
      for (int64_t i = mark.record; i < begin; ++i) {
        note_head(at, noted);
        at = end_of(at, i);
      }
      visit_each(at, begin, end, visit);
      return file_->data() + at;
    });
    bookmarks_.remember(end, at);
  }

 private:
  struct Mark {
    int64_t record;
    size_t at;
  };

  // The record `record`, or one before it.
  Mark last_known(int64_t record) const {
    if (const auto at = bookmarks_.find(record)) return {record, *at};
    const auto after =
        std::upper_bound(marks_.begin(), marks_.end(), record,
                         [](int64_t wanted, const Mark& mark) { return wanted < mark.record; });
    return *std::prev(after);
  }

  // `at` is where record `begin` is, and then where `end` is.
  template <class Visit>
  void visit_each(size_t& at, int64_t begin, int64_t end, const Visit& visit) const {
    size_t noted = 0;  // all bytes before, from record `begin` on
    for (int64_t i = begin; i < end; ++i) {
      const size_t next = end_of(at, i);
      const std::byte* const data = file_->data() + at + kHeadBytes;
      const size_t size = next - at - kHeadBytes - kChecksumBytes;
      if (next > noted) {
        note(at, next - at);
        noted = block_end(next);
      }
      if (load<uint32_t>(data + size) != masked_checksum(data, size)) {
        fail(ErrorCode::kInvalidInput, "{} is damaged: its checksum does not match", label(i));
      }
      visit(i, std::span<const std::byte>(data, size));
      at = next;
    }
  }

  static size_t block_end(size_t at) {
    constexpr size_t kBlock = ResidentWindow::kBlockBytes;
    return (at + kBlock - 1) / kBlock * kBlock;
  }

  // `noted`: all bytes before, of those that are read one behind the other.
  void note_head(size_t at, size_t& noted) const {
    const size_t end = std::min(at + kHeadBytes, file_->size());
    if (end <= noted) return;
    note(at, end - at);
    noted = block_end(end);
  }

  void note(size_t at, size_t bytes) const {
    window_.use(at, bytes, [this](size_t first, size_t size) { file_->forget_pages(first, size); });
  }

  // The end of the record at `at`, which lies within the file.
  size_t end_of(size_t at, int64_t record) const {
    const size_t left = file_->size() - at;
    const auto cut = [&] { fail(ErrorCode::kInvalidInput, "{} is cut", label(record)); };
    if (left < kHeadBytes + kChecksumBytes) cut();
    const std::byte* const head = file_->data() + at;
    if (load<uint32_t>(head + kLengthBytes) != masked_checksum(head, kLengthBytes)) {
      fail(ErrorCode::kInvalidInput,
           "{}, at byte {}, has a damaged head: all after it is out of reach, or this is no "
           "TFRecord file",
           label(record), at);
    }
    const auto size = load<uint64_t>(head);
    if (size > left - kHeadBytes - kChecksumBytes) cut();
    return at + kHeadBytes + size + kChecksumBytes;
  }

  const WatchedFile file_;
  const std::string name_;
  std::vector<Mark> marks_;
  int64_t count_ = 0;
  mutable Bookmarks bookmarks_;
  mutable ResidentWindow window_;
};

// What rows are made of, told by the first record.
struct RowKind {
  Feature::Kind kind = Feature::Kind::kFloat;
  DType dtype = DType::kFloat32;
  Shape shape;
  std::optional<PictureRow> picture;
};

class TfrecordSource : public Source {
 public:
  TfrecordSource(std::unique_ptr<const Records> records, std::string name, std::string feature,
                 RowKind kind)
      : records_(std::move(records)),
        name_(std::move(name)),
        feature_(std::move(feature)),
        kind_(std::move(kind)),
        row_bytes_(num_bytes(kind_.dtype, kind_.shape)) {}

  int64_t num_rows() const override { return records_->count(); }
  const Shape& row_shape() const override { return kind_.shape; }
  DType dtype() const override { return kind_.dtype; }
  std::string name() const override { return name_; }

  TensorView rows(int64_t begin, int64_t end, std::vector<std::byte>& scratch) const override {
    check_range(name_, begin, end, num_rows());
    scratch.resize(static_cast<size_t>(end - begin) * row_bytes_);
    Buffers buffers;
    records_->for_each(begin, end, [&](int64_t record, std::span<const std::byte> example) {
      read_row(record, example, buffers,
               scratch.data() + static_cast<size_t>(record - begin) * row_bytes_);
    });
    return {scratch.data(), kind_.dtype, batched(end - begin, kind_.shape)};
  }

  void forget() const override { records_->forget(); }

 private:
  struct Buffers {
    std::vector<float> floats;
    std::vector<int64_t> integers;
    Picture picture;
  };

  void read_row(int64_t record, std::span<const std::byte> example, Buffers& buffers,
                std::byte* to) const {
    const std::string label = records_->label(record);
    const auto feature = find_feature(example, feature_, label);
    require(feature && feature->kind == kind_.kind, ErrorCode::kInvalidInput,
            "{} has {} feature \"{}\"", label, feature ? "another kind of" : "no", feature_);
    switch (kind_.kind) {
      case Feature::Kind::kFloat:
        buffers.floats.clear();
        read_floats(*feature, buffers.floats, label);
        return copy(buffers.floats.data(), buffers.floats.size() * sizeof(float), label, to);
      case Feature::Kind::kInt64:
        buffers.integers.clear();
        read_integers(*feature, buffers.integers, label);
        return copy(buffers.integers.data(), buffers.integers.size() * sizeof(int64_t), label, to);
      case Feature::Kind::kBytes: {
        const auto values = read_bytes(*feature, label);
        require(values.size() == 1, ErrorCode::kInvalidInput,
                "{}: feature \"{}\" has {} values; expected one", label, feature_, values.size());
        if (kind_.picture) return kind_.picture->read(values[0], label, buffers.picture, to);
        return copy(values[0].data(), values[0].size(), label, to);
      }
      case Feature::Kind::kNone:
        break;
    }
    fail(ErrorCode::kInternal, "unknown kind of feature");
  }

  void copy(const void* from, size_t bytes, const std::string& label, std::byte* to) const {
    require(bytes == row_bytes_, ErrorCode::kInvalidInput,
            "{}: feature \"{}\" has {} values; expected {}", label, feature_,
            bytes / size_of(kind_.dtype), row_bytes_ / size_of(kind_.dtype));
    if (bytes > 0) std::memcpy(to, from, bytes);
    if (kind_.dtype != DType::kBool) return;
    for (size_t i = 0; i < bytes; ++i) to[i] = std::byte{to[i] != std::byte{0}};
  }

  const std::unique_ptr<const Records> records_;
  const std::string name_;
  const std::string feature_;
  const RowKind kind_;
  const size_t row_bytes_;
};

Shape shape_for(int64_t count, const SourceOptions& options, const std::string& label) {
  const std::optional<Shape>& wanted =
      options.row_shape ? options.row_shape : options.wanted_row_shape;
  if (!wanted) return {count};
  require(num_elements(*wanted) == count, ErrorCode::kShapeMismatch,
          "{} has {} values; rows of shape {} take {}", label, count, to_string(*wanted),
          num_elements(*wanted));
  return *wanted;
}

RowKind kind_of_bytes(std::span<const std::byte> value, const SourceOptions& options,
                      const std::string& label) {
  RowKind kind;
  kind.kind = Feature::Kind::kBytes;
  if (options.dtype) {
    kind.dtype = *options.dtype;
    const size_t size = size_of(kind.dtype);
    require(value.size() % size == 0, ErrorCode::kInvalidInput,
            "{} has {} bytes, which is no whole number of {}", label, value.size(),
            to_string(kind.dtype));
    kind.shape = shape_for(static_cast<int64_t>(value.size() / size), options, label);
    return kind;
  }
  require(is_jpeg(value) || is_png(value), ErrorCode::kInvalidArgument,
          "{} is bytes, and no JPEG or PNG picture: say what they are (--dtype)", label);
  const std::optional<Shape>& shape =
      options.row_shape ? options.row_shape : options.wanted_row_shape;
  require(shape.has_value(), ErrorCode::kInvalidArgument,
          "{} is a picture: say the shape it is resized to, such as 224,224,3 (--shape)", label);
  kind.picture.emplace(*shape, options, label);
  kind.dtype = kind.picture->dtype();
  kind.shape = *shape;
  return kind;
}

RowKind kind_of(const Feature& feature, const SourceOptions& options, const std::string& label) {
  RowKind kind;
  kind.kind = feature.kind;
  require(feature.kind == Feature::Kind::kBytes || !options.dtype, ErrorCode::kInvalidArgument,
          "{} is numbers, whose type is known; --dtype is for bytes", label);
  if (feature.kind == Feature::Kind::kFloat) {
    std::vector<float> values;
    read_floats(feature, values, label);
    kind.shape = shape_for(static_cast<int64_t>(values.size()), options, label);
    return kind;
  }
  if (feature.kind == Feature::Kind::kInt64) {
    std::vector<int64_t> values;
    read_integers(feature, values, label);
    kind.dtype = DType::kInt64;
    kind.shape = shape_for(static_cast<int64_t>(values.size()), options, label);
    return kind;
  }
  require(feature.kind == Feature::Kind::kBytes, ErrorCode::kInvalidInput, "{} has no value",
          label);
  const auto values = read_bytes(feature, label);
  require(values.size() == 1, ErrorCode::kInvalidInput, "{} has {} values; expected one", label,
          values.size());
  return kind_of_bytes(values[0], options, label);
}

std::string choose_feature(std::span<const std::byte> example, const MemberPath& place,
                           const std::string& label) {
  if (place.member) return place.member->substr(1);
  const std::vector<std::string> names = feature_names(example, label);
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "/" : ", /") + name;
  require(names.size() == 1, ErrorCode::kInvalidArgument,
          "{} has {}: name the feature, as {}:/NAME", label, list.empty() ? "no feature" : list,
          place.file);
  return names[0];
}

}  // namespace

std::unique_ptr<Source> open_tfrecord_source(const std::string& path, const SourceOptions& options,
                                             FileSystem& fs) {
  const MemberPath place = split_member(path);
  auto records = std::make_unique<const Records>(open_input(place.file, Gzip::kByContent, fs),
                                                 place.file, options.memory_bytes / 2);
  if (records->count() == 0) {
    RowKind none;
    none.dtype = options.dtype.value_or(options.wanted_dtype.value_or(DType::kFloat32));
    none.shape = options.row_shape.value_or(options.wanted_row_shape.value_or(Shape{0}));
    return std::make_unique<TfrecordSource>(std::move(records), path, "", std::move(none));
  }
  std::string feature;
  RowKind kind;
  records->for_each(0, 1, [&](int64_t, std::span<const std::byte> example) {
    const std::string label = records->label(0);
    feature = choose_feature(example, place, label);
    const auto found = find_feature(example, feature, label);
    require(found.has_value(), ErrorCode::kInvalidInput, "{} has no feature \"{}\"", label,
            feature);
    kind = kind_of(*found, options, fmt::format("{}: feature \"{}\"", label, feature));
  });
  return std::make_unique<TfrecordSource>(std::move(records), path, feature, std::move(kind));
}

}  // namespace hornet
