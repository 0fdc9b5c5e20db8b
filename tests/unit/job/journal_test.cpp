#include "job/journal.h"

#include <gtest/gtest.h>

#include "unit/base/expect_error.h"
#include "unit/base/faulty_file_system.h"
#include "unit/base/temporary_directory.h"

namespace hornet::job {
namespace {

class JournalTest : public ::testing::Test {
 protected:
  JournalTest() {
    JournalHeader header;
    header.rows = 10;
    header.chunk_size = 4;
    Journal::create(path_, header, Overwrite::kNever);
  }

  TemporaryDirectory directory_;
  const std::string path_ = directory_.path("y.npy.hornet");
};

// Goes on with the job while another looks at its journal, at the worst instant.
class ResumingFileSystem : public FaultyFileSystem {
 public:
  explicit ResumingFileSystem(std::string path) : path_(std::move(path)) {}
  int lock(int fd, int command, struct flock* lock) override {
    const int result = FaultyFileSystem::lock(fd, command, lock);
    resumed = Journal::open(path_);
    return result;
  }
  std::unique_ptr<Journal> resumed;

 private:
  const std::string path_;
};

TEST_F(JournalTest, JobThatGoesOnWhileItsJournalIsRead_IsNotInTheWay) {
  ResumingFileSystem fs(path_);
  EXPECT_FALSE(read_journal(path_, fs).is_running);
  ASSERT_NE(fs.resumed, nullptr);
  EXPECT_TRUE(read_journal(path_).is_running);
  fs.resumed.reset();
  EXPECT_FALSE(read_journal(path_).is_running);
}

TEST_F(JournalTest, Discard_RemovesAJournalThatIsNotInUse_AndNothingElse) {
  auto running = Journal::open(path_);
  EXPECT_ERROR(Journal::discard(path_), ErrorCode::kIo, "another run is writing " + path_);
  running.reset();
  Journal::discard(path_);
  EXPECT_FALSE(exists(path_));
  write_file(path_, "somebody's own file");
  EXPECT_ERROR(Journal::discard(path_), ErrorCode::kInvalidInput, "is not a usable journal");
  EXPECT_TRUE(exists(path_));
}

TEST_F(JournalTest, Discard_RemovesADamagedJournal) {
  std::string content = read_file(path_);
  content[content.size() / 2] ^= 1;
  for (const std::string& damaged : {content, content.substr(0, 5), std::string()}) {
    write_file(path_, damaged);
    Journal::discard(path_);
    EXPECT_FALSE(exists(path_));
  }
}

TEST_F(JournalTest, Outputs_AreComparedByNameOrPlace) {
  JournalHeader then, now;
  then.outputs = {"a.npy", "b.npy"};
  then.places = {"a.npy", "../b.npy"};
  now.outputs = {"x/a.npy", "b.npy"};
  now.places = {"a.npy", "c.npy"};
  check_same_outputs(path_, then, now);
  now.outputs[1] = "c.npy";
  EXPECT_ERROR(check_same_outputs(path_, then, now), ErrorCode::kInvalidArgument,
               "x/a.npy, c.npy; expected a.npy, b.npy");
  now.outputs.pop_back();
  EXPECT_ERROR(check_same_outputs(path_, then, now), ErrorCode::kInvalidArgument,
               "the outputs are others");
}

}  // namespace
}  // namespace hornet::job
