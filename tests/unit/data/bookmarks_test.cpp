#include "data/bookmarks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hornet {
namespace {

using testing::Optional;

TEST(Bookmarks, RowsAreFoundUntilAnotherTakesTheirPlace) {
  Bookmarks bookmarks;
  EXPECT_EQ(bookmarks.find(0), std::nullopt);
  constexpr int64_t kRows = 10'000;
  for (int64_t row = 0; row < kRows; ++row) {
    bookmarks.remember(row, static_cast<size_t>(7 * row));
    ASSERT_THAT(bookmarks.find(row), Optional(static_cast<size_t>(7 * row)));
  }
  // The last ones are there; none is mistaken for another.
  int64_t found = 0;
  for (int64_t row = 0; row < kRows; ++row) {
    const auto offset = bookmarks.find(row);
    if (!offset) continue;
    EXPECT_EQ(*offset, static_cast<size_t>(7 * row));
    ++found;
  }
  EXPECT_GE(found, 100);
  EXPECT_LT(found, 1000);
  EXPECT_THAT(bookmarks.find(kRows - 100), Optional(static_cast<size_t>(7 * (kRows - 100))));
}

TEST(Bookmarks, ARowRememberedAgain_HasItsLastPlace) {
  Bookmarks bookmarks;
  bookmarks.remember(3, 10);
  bookmarks.remember(3, 20);
  EXPECT_THAT(bookmarks.find(3), Optional(size_t{20}));
}

TEST(DistanceOfKnownRows, IsBoundedAndKeepsFewOfThem) {
  EXPECT_EQ(distance_of_known_rows(0), size_t{64} << 10);
  EXPECT_EQ(distance_of_known_rows(size_t{1} << 30), size_t{64} << 10);
  EXPECT_EQ(distance_of_known_rows(size_t{1} << 50), size_t{1} << 20);
  const size_t bytes = size_t{20} << 30;
  EXPECT_LE(bytes / distance_of_known_rows(bytes), size_t{1} << 15);
}

}  // namespace
}  // namespace hornet
