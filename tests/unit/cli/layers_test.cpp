// `hornet layers` from the outside, and the page made from it.
#include <gmock/gmock.h>

#include "hornet/model.h"
#include "paths.h"
#include "unit/cli/command.h"

namespace hornet {
namespace {

TEST(LayersCommand, Markdown_IsThePageInDocs) {
  const Outcome outcome = run_command({"layers", "--markdown"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, read_file(std::string(HORNET_SOURCE_DIR) + "/docs/layers.md"))
      << "to make it anew: hornet layers --markdown > docs/layers.md";
}

TEST(LayersCommand, Text_HasALineForEach) {
  const Outcome outcome = run_command({"layers"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(num_lines(outcome.out), static_cast<int>(supported_layers().size()));
  EXPECT_THAT(outcome.out, testing::ContainsRegex("\nConv2D +layer\n"));
  EXPECT_THAT(outcome.out, testing::ContainsRegex("\nHashing +layer; not: .*sparse"));
  EXPECT_THAT(outcome.out, testing::ContainsRegex("\nLogsumexp +operation\n"));
}

}  // namespace
}  // namespace hornet
