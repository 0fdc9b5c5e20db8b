#include "api/fingerprint.h"

#include <algorithm>

#include "base/check.h"
#include "base/checksum.h"
#include "base/parallel.h"

namespace hornet::internal {
namespace {

uint32_t checksum_of_piece(const File& file, size_t begin, size_t end) {
  constexpr size_t kBlockBytes = 256 << 10;
  std::vector<std::byte> block(std::min(end - begin, kBlockBytes));
  uint32_t crc = 0;
  for (size_t at = begin; at < end; at += kBlockBytes) {
    const std::span<std::byte> part(block.data(), std::min(kBlockBytes, end - at));
    file.read_at(at, part);
    crc = crc32c(part.data(), part.size(), crc);
  }
  return crc;
}

// On all cores.
uint32_t checksum_of_file(const File& file, size_t size) {
  constexpr size_t kPieceBytes = size_t{4} << 20;
  std::vector<uint32_t> sums((size + kPieceBytes - 1) / kPieceBytes);
  const auto end_of = [&](size_t i) { return std::min((i + 1) * kPieceBytes, size); };
  parallel_for(sums.size(),
               [&](size_t i) { sums[i] = checksum_of_piece(file, i * kPieceBytes, end_of(i)); });
  uint32_t crc = 0;
  for (size_t i = 0; i < sums.size(); ++i) {
    crc = crc32c_of_both(crc, sums[i], end_of(i) - i * kPieceBytes);
  }
  return crc;
}

uint32_t checksum_of_row(const Source& source, int64_t row, std::vector<std::byte>& scratch,
                         uint32_t crc) {
  try {
    const TensorView view = source.rows(row, row + 1, scratch);
    return crc32c(view.data, num_bytes(view.dtype, view.shape), crc);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kOutOfMemory) throw;
    // A row that cannot be read is a matter of its chunk; that it cannot is a property as well.
    return crc32c(error.message().data(), error.message().size(), crc);
  }
}

}  // namespace

ReadFile::ReadFile(const std::string& path, const std::optional<FileVersion>& before,
                   FileSystem& fs, std::optional<uint32_t> checksum)
    : path_(path), checksum_(checksum), file_(MappedFile::open(path, fs)), fs_(fs) {
  const std::optional<FileVersion> now = find_file_version(path, fs);
  require(now && now == before, ErrorCode::kInvalidModel, "{} was changed while it was read", path);
  version_ = *now;
}

std::string ReadFile::fingerprint() const {
  const std::optional<FileVersion> now = find_file_version(path_, fs_);
  const bool has_path = now && now->place == version_.place;
  require(!has_path || now == version_, ErrorCode::kInvalidModel,
          "{} was changed after it was read", path_);
  if (checksum_) return fmt::format("{:08x} of the contents", *checksum_);
  return fmt::format("{:08x} of {} bytes", checksum_of_bytes(has_path), file_->size());
}

uint32_t ReadFile::checksum_of_bytes(bool has_path) const {
  // By calls where that is possible: to find the pages of a mapping may take several times as long.
  if (has_path) {
    const auto file = File::open(path_, O_RDONLY | O_NONBLOCK, fs_);
    const uint32_t crc = checksum_of_file(*file, file_->size());
    if (find_file_version(path_, fs_) == version_) return crc;
  }
  const uint32_t crc = crc32c(file_->data(), file_->size());
  file_->forget_pages();
  return crc;
}

std::string source_fingerprint(const Source& source) {
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
  const std::string version = source.version();
  return version.empty() ? text : text + ", " + version;
}

}  // namespace hornet::internal
