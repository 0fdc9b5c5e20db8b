#include "archive/hdf5_extensible_array.h"

#include <algorithm>
#include <bit>

namespace hornet {
namespace {

constexpr uint64_t kBlockChecksumBytes = 4;
constexpr int kMostBits = 62;  // of an element's number: all there may be are less than 2^64

// The first elements lie in an index block, the others in data blocks that get larger and larger:
// "super block" u has 2^(u/2) of them with 2^((u+1)/2) times the least number of elements each.
// The addresses of the first data blocks are in the index block too, those of the others in
// secondary blocks, one a super block.
class ExtensibleArray {
 public:
  ExtensibleArray(const Hdf5Bytes& file, uint64_t address,
                  const std::function<void(uint64_t, Hdf5Cursor)>& visit)
      : file_(file), visit_(visit) {
    Hdf5Cursor header(file, address);
    header.require_signature("EAHD");
    header.skip(2);  // version, client
    element_bytes_ = header.u8();
    max_bits_ = header.u8();
    in_index_ = header.u8();
    least_in_block_ = header.u8();
    least_blocks_ = header.u8();
    const int page_bits = header.u8();
    for (int i = 0; i < 4; ++i) header.length();  // numbers and sizes of blocks
    num_elements_ = header.length();              // up to the last one set
    header.length();                              // with room for
    index_ = header.address();
    file.require_sound(element_bytes_ > 0 && max_bits_ > 0 && max_bits_ <= kMostBits &&
                           page_bits < 32 && std::has_single_bit(least_in_block_) &&
                           std::has_single_bit(least_blocks_) &&
                           max_bits_ >= std::countr_zero(least_in_block_),
                       "an array's index is unreadable");
    page_elements_ = uint64_t{1} << page_bits;
    left_ = file.image.size / element_bytes_;
  }

  void walk() {
    if (num_elements_ == 0 || file_.is_undefined(index_)) return;
    Hdf5Cursor index = block(index_, "EAIB", false);
    take_place(in_index_);
    elements(index, in_index_);
    const int super_blocks = 1 + max_bits_ - std::countr_zero(least_in_block_);
    const int in_index = std::min(2 * std::countr_zero(least_blocks_), super_blocks);
    for (int u = 0; u < in_index && more(); ++u) {
      for (uint64_t i = 0; i < blocks_of(u) && more(); ++i)
        data_block(index.address(), u, nullptr, 0);
    }
    for (int u = in_index; u < super_blocks && more(); ++u) secondary_block(index.address(), u);
  }

 private:
  static uint64_t blocks_of(int u) { return uint64_t{1} << (u / 2); }
  uint64_t elements_of(int u) const { return least_in_block_ << ((u + 1) / 2); }
  uint64_t pages_of(int u) const {
    return elements_of(u) > page_elements_ ? elements_of(u) / page_elements_ : 0;
  }
  bool more() const { return next_ < num_elements_; }

  Hdf5Cursor block(uint64_t address, std::string_view signature, bool has_offset) const {
    Hdf5Cursor cursor(file_, address);
    cursor.require_signature(signature);
    cursor.skip(2 + static_cast<uint64_t>(file_.address_size));  // version, client, header
    if (has_offset) cursor.skip(static_cast<uint64_t>((max_bits_ + 7) / 8));
    return cursor;
  }

  // Blocks that share their place in a damaged file would take time without end.
  void take_place(uint64_t count) {
    file_.require_sound(count <= left_, "an array's index is larger than the file");
    left_ -= count;
  }

  void elements(Hdf5Cursor& cursor, uint64_t count) {
    for (; count > 0; --count, ++next_) {
      Hdf5Cursor element = cursor.part(element_bytes_);
      if (more()) visit_(next_, element);
    }
  }

  // `pages`: a bit, the highest first, for each page that was written, from bit `first` on.
  void data_block(uint64_t address, int u, const std::byte* pages, uint64_t first) {
    if (file_.is_undefined(address)) {
      next_ += elements_of(u);
      return;
    }
    take_place(elements_of(u));
    Hdf5Cursor cursor = block(address, "EADB", true);
    if (pages_of(u) == 0) return elements(cursor, elements_of(u));
    file_.require_sound(pages != nullptr, "an array's index is unreadable");
    cursor.skip(kBlockChecksumBytes);
    for (uint64_t page = 0; page < pages_of(u) && more(); ++page) {
      if (is_set(pages, first + page)) {
        elements(cursor, page_elements_);
      } else {
        cursor.skip(page_elements_ * element_bytes_);
        next_ += page_elements_;
      }
      cursor.skip(kBlockChecksumBytes);
    }
  }

  void secondary_block(uint64_t address, int u) {
    if (file_.is_undefined(address)) {
      next_ += blocks_of(u) * elements_of(u);
      return;
    }
    Hdf5Cursor cursor = block(address, "EASB", true);
    const uint64_t page_bytes = (pages_of(u) + 7) / 8;  // of one data block
    Hdf5Cursor pages = cursor.part(blocks_of(u) * page_bytes);
    for (uint64_t i = 0; i < blocks_of(u) && more(); ++i) {
      data_block(cursor.address(), u, pages.data(), i * pages_of(u));
    }
  }

  const Hdf5Bytes& file_;
  const std::function<void(uint64_t, Hdf5Cursor)>& visit_;
  uint64_t element_bytes_ = 0;
  int max_bits_ = 0;  // of an element's number
  uint64_t in_index_ = 0, least_in_block_ = 0, least_blocks_ = 0, page_elements_ = 0;
  uint64_t num_elements_ = 0;
  uint64_t index_ = 0;
  uint64_t next_ = 0;  // the element that comes next
  uint64_t left_ = 0;  // elements that the file has room for, beside those found
};

}  // namespace

void for_each_element(const Hdf5Bytes& file, uint64_t address,
                      const std::function<void(uint64_t, Hdf5Cursor)>& visit) {
  ExtensibleArray(file, address, visit).walk();
}

}  // namespace hornet
