// Files that are replaced or changed behind the back of a job.
#include "api/fingerprint.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "api/compiled_model.h"
#include "api/worker.h"
#include "base/checksum.h"
#include "hornet/error.h"
#include "unit/api/npy_rows.h"
#include "unit/base/expect_error.h"
#include "unit/base/temporary_directory.h"

namespace hornet::internal {
namespace {

namespace stdfs = std::filesystem;

class FingerprintTest : public testing::Test {
 protected:
  ReadFile read(const std::string& name) {
    return {path(name), find_file_version(path(name)), FileSystem::real()};
  }
  std::string path(const std::string& name) const { return directory_.path(name); }
  // Another file under the name, as a program that saves a model makes one.
  void replace(const std::string& name, const std::string& content) {
    write_file(path("new"), content);
    stdfs::rename(path("new"), path(name));
  }

 private:
  TemporaryDirectory directory_;
};

TEST_F(FingerprintTest, ReplacedFile_StaysWhatWasRead) {
  write_file(path("m"), "one");
  const ReadFile file = read("m");
  const std::string before = file.fingerprint();
  replace("m", "two");
  EXPECT_EQ(file.fingerprint(), before);
  EXPECT_NE(read("m").fingerprint(), before);
  EXPECT_NE(read("m").version(), file.version());
  stdfs::remove(path("m"));
  EXPECT_EQ(file.fingerprint(), before);
}

// By calls, in several pieces, as through the mapping.
TEST_F(FingerprintTest, OfALargeFile_IsTheChecksumOfItsBytes) {
  std::string content(9'000'001, 'x');
  for (size_t i = 0; i < content.size(); i += 1000) content[i] = static_cast<char>(i >> 10);
  write_file(path("m"), content);
  const ReadFile file = read("m");
  const std::string expected =
      fmt::format("{:08x} of 9000001 bytes", crc32c(content.data(), content.size()));
  EXPECT_EQ(file.fingerprint(), expected);
  stdfs::remove(path("m"));
  EXPECT_EQ(file.fingerprint(), expected);
}

// Archives have checksums of what they hold, which were compared when it was read.
TEST_F(FingerprintTest, OfAnArchive_IsThatOfItsContents) {
  const auto text_of = [](const std::string& archive) {
    return CompiledModel::load(archive, {})->file().fingerprint();
  };
  const std::string fingerprint = text_of(test_data("api/tabular_mlp.keras"));
  EXPECT_THAT(fingerprint, testing::EndsWith(" of the contents"));
  stdfs::copy(test_data("api/tabular_mlp.keras"), path("copy.keras"));
  EXPECT_EQ(text_of(path("copy.keras")), fingerprint);
}

TEST_F(FingerprintTest, ModelInMemory_KeepsNoFileOpen) {
  const auto num_open = [] {
    return std::distance(stdfs::directory_iterator("/proc/self/fd"), stdfs::directory_iterator());
  };
  const auto before = num_open();
  const auto model = CompiledModel::load(test_data("api/tabular_mlp.keras"), {});
  model->file().fingerprint();
  EXPECT_EQ(num_open(), before);
}

TEST_F(FingerprintTest, FileChangedInItsPlace_IsAnError) {
  write_file(path("m"), "one");
  const ReadFile file = read("m");
  write_file(path("m"), "longer");
  EXPECT_ERROR(file.fingerprint(), ErrorCode::kInvalidModel,
               path("m") + " was changed after it was read");
}

TEST_F(FingerprintTest, FileReplacedWhileItIsRead_IsAnError) {
  write_file(path("m"), "one");
  const auto before = find_file_version(path("m"));
  replace("m", "two");
  EXPECT_ERROR(ReadFile(path("m"), before, FileSystem::real()), ErrorCode::kInvalidModel,
               path("m") + " was changed while it was read");
}

// A worker that starts when the files are not those of the job any more.
TEST_F(FingerprintTest, Worker_RefusesOtherFilesThanThoseOfTheJob) {
  stdfs::copy_file(test_data("api/tabular_mlp.keras"), path("m.keras"));
  stdfs::copy_file(test_data("api/tabular_mlp.x.npy"), path("x.npy"));
  const auto model = CompiledModel::load(path("m.keras"), {});
  const auto source = open_source(path("x.npy"));
  WorkerSetup setup;
  setup.model_path = path("m.keras");
  setup.model_version = model->file().version();
  setup.row_shapes = {source->row_shape()};
  setup.rows = source->num_rows();
  ModelPlans& plans = model->plans_for(setup.row_shapes);
  setup.instruction_set = "avx2";
  setup.plan_text = plans.for_rows(1).to_string();
  WorkerRows rows;
  rows.name = source->name();
  rows.dtype = source->dtype();
  rows.row_shape = source->row_shape();
  rows.location = source->location();
  rows.version = source->version();
  setup.inputs = {rows};
  const auto opened_with = [&](const WorkerSetup& given) {
    const WorkerSetup sent = WorkerSetup::decode(given.encode());
    EXPECT_EQ(sent.model_version, given.model_version);
    EXPECT_EQ(sent.instruction_set, given.instruction_set);
    EXPECT_EQ(sent.inputs[0].version, given.inputs[0].version);
    EXPECT_EQ(sent.inputs[0].location->place, given.inputs[0].location->place);
    check_job_files(sent, *model, {source.get()});
  };
  opened_with(setup);
  WorkerSetup other_model = setup;
  other_model.model_version = "2:3, another";
  EXPECT_ERROR(opened_with(other_model), ErrorCode::kInvalidModel,
               path("m.keras") + " has changed since the job began");
  for (const bool replaced : {false, true}) {
    WorkerSetup other_rows = setup;
    (replaced ? other_rows.inputs[0].location->place : other_rows.inputs[0].version) = "another";
    EXPECT_ERROR(opened_with(other_rows), ErrorCode::kInvalidInput,
                 path("x.npy") + " has changed since the job began");
  }
}

}  // namespace
}  // namespace hornet::internal
