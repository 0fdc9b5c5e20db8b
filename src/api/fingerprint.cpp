#include "api/fingerprint.h"

#include "base/check.h"
#include "base/checksum.h"
#include "base/mapped_file.h"

namespace hornet::internal {
namespace {

uint32_t checksum_of_row(const Source& source, int64_t row, std::vector<std::byte>& scratch,
                         uint32_t crc) {
  try {
    const TensorView view = source.rows(row, row + 1, scratch);
    return crc32c(view.data, num_bytes(view.dtype, view.shape), crc);
  } catch (const Error& error) {
    // A row that cannot be read is a matter of its chunk; that it cannot is a property as well.
    return crc32c(error.message().data(), error.message().size(), crc);
  }
}

}  // namespace

std::string file_fingerprint(const std::string& path, FileSystem& fs) {
  const auto file = MappedFile::open(path, fs);
  return fmt::format("{:08x} of {} bytes", crc32c(file->data(), file->size()), file->size());
}

std::string source_fingerprint(const Source& source, FileSystem& fs) {
  constexpr int64_t kSampledRows = 64;
  const int64_t rows = source.num_rows();
  std::vector<std::byte> scratch;
  uint32_t crc = 0;
  for (int64_t i = 0; i < std::min(rows, kSampledRows); ++i) {
    const int64_t row =
        rows <= kSampledRows
            ? i
            : static_cast<int64_t>((static_cast<double>(rows - 1) * i) / (kSampledRows - 1));
    crc = checksum_of_row(source, row, scratch, crc);
    source.forget();  // megabytes that the system read around the row
  }
  source.forget_decoded();
  std::string text = fmt::format("{:08x} of {} rows {} {}", crc, rows, to_string(source.dtype()),
                                 to_string(source.row_shape()));
  struct stat status = {};
  if (source.location() && fs.status(source.location()->path.c_str(), true, &status) == 0) {
    text += fmt::format(", {} bytes of time {}.{:09}", status.st_size, status.st_mtim.tv_sec,
                        status.st_mtim.tv_nsec);
  }
  return text;
}

}  // namespace hornet::internal
