// Where rows come from.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hornet/tensor.h"

namespace hornet {

// What a file's name and content leave open. docs/formats.md says which format takes what; one that
// a format does not take is refused.
struct SourceOptions {
  enum class Header { kAuto, kYes, kNo };
  enum class Interpolation { kBilinear, kNearest };

  std::string format = {};              // "npy", "csv", ...; "" where the name tells
  std::optional<DType> dtype = {};      // of the elements: raw, CSV
  std::optional<Shape> row_shape = {};  // of a row, without the rows: raw, CSV, pictures, TFRecord
  // What the model takes, for formats whose files leave it open and where the above is not given.
  std::optional<DType> wanted_dtype = {};
  std::optional<Shape> wanted_row_shape = {};
  // CSV: columns by name, in this order.
  std::vector<std::string> columns = {};
  char delimiter = '\0';          // CSV; 0: by the format
  Header header = Header::kAuto;  // CSV: whether the first line is names
  // Pictures.
  Interpolation interpolation = Interpolation::kBilinear;
  bool crop_to_aspect_ratio = false;
  bool scaled_decoding = false;  // JPEG: decode at a smaller scale where the picture is shrunk

  // Bounds what the source keeps of its file, and decodes at a time: workers wait for each other
  // rather than exceed it. 0: as docs/formats.md says.
  size_t memory_bytes = 0;

  bool operator==(const SourceOptions&) const = default;
};

// How another process opens the same rows.
struct SourceLocation {
  std::string path;
  SourceOptions options;
  // Of the file, when it was opened: its device and inode, and its size and time. For comparison.
  std::string place = {}, version = {};
};

// Rows of one model input, by range. Implementations are thread-safe: workers read concurrently.
class Source {
 public:
  virtual ~Source() = default;
  virtual int64_t num_rows() const = 0;
  // Shape of a row (no batch dimension) and element type as stored.
  virtual const Shape& row_shape() const = 0;
  virtual DType dtype() const = 0;
  // "images.npy": what messages call this source.
  virtual std::string name() const = 0;
  // Rows [begin, end), as stored. Either a view of memory the source keeps, valid as long as the
  // source; or rows put into `scratch`, valid until its next use.
  // Throws Error(kInvalidInput) that names the path or line where one of these rows is broken; all
  // others can still be read. Rows of another number, shape or type than asked are such an error.
  virtual TensorView rows(int64_t begin, int64_t end, std::vector<std::byte>& scratch) const = 0;

  // Lets go of memory that rows left behind and that can be had again: what the system read of a
  // file around rows that were read here and there. Any thread may call it while others read.
  virtual void forget() const {}
  // And of what was decoded and kept for whoever asks for the rows beside them.
  virtual void forget_decoded() const {}

  // What tells the files of the source from themselves at another time; "" where it has none.
  virtual std::string version() const { return location_ ? location_->version : ""; }

  // What it reads of its files, and how, beyond its type and shape: name and value of each choice
  // that was made, as "member" and "/images". Those of location(), unless it knows better.
  virtual std::vector<std::pair<std::string, std::string>> choices() const;

  // Whether it reads this file as one of many that its own names: a picture of a list.
  virtual bool lists(const std::string& /*path*/) const { return false; }

  // Nothing where only this process has the rows: memory, a pipe.
  const std::optional<SourceLocation>& location() const { return location_; }
  void set_location(SourceLocation location) { location_ = std::move(location); }

 private:
  std::optional<SourceLocation> location_;
};

// Opens a file, the format told by `options` or its extension and checked against its content.
// `path` may name a member of the file ("rows.h5:/images", "rows.npz:/x"), a pipe, or "-", the
// standard input. Throws Error (kIo, kInvalidInput, kUnsupported) naming the file.
std::unique_ptr<Source> open_source(const std::string& path, const SourceOptions& options = {});

// Whether files of this name or format have members, of which one is a source: "rows.h5:/images".
bool has_members(const std::string& path, const std::string& format = "");

// Whether rows of files of this name or format may be pictures, for which the options of pictures
// are.
bool may_be_pictures(const std::string& path, const std::string& format = "");

// Rows that the caller holds in memory; `rows` must outlive the source.
std::unique_ptr<Source> memory_source(TensorView rows, std::string name = "array");

// A whole `.npy` array of any rank, read into memory. Errors as those of open_source.
Tensor read_npy(const std::string& path);

}  // namespace hornet
