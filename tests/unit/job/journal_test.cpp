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

TEST_F(JournalTest, Outputs_AreComparedByPlace) {
  JournalHeader then, now;
  const auto expect_others = [&] {
    EXPECT_ERROR(check_same_outputs(path_, then, now), ErrorCode::kInvalidArgument,
                 "the outputs are others");
  };
  then.outputs = {"a.npy", "/x/b.npy"};
  then.places = {"a.npy", "../b.npy"};
  now.outputs = {"x/a.npy", "/x/b.npy"};  // from another folder, and the job was moved
  now.places = {"a.npy", "../../x/b.npy"};
  check_same_outputs(path_, then, now);
  now.outputs[0] = "a.npy";  // in another folder, though the name is the same
  now.places[0] = "other/a.npy";
  expect_others();
  then.places.clear();  // an older journal
  check_same_outputs(path_, then, now);
  now.outputs[0] = "c.npy";
  expect_others();
  now.outputs = {"a.npy"};
  expect_others();
}

// Somebody else's file takes the journal's name before it has it.
class TakenFileSystem : public FaultyFileSystem {
 public:
  explicit TakenFileSystem(std::string path) : path_(std::move(path)) {}
  int rename_no_replace(const char* from, const char* to) override {
    if (to == path_) write_file(path_, "precious");
    return FaultyFileSystem::rename_no_replace(from, to);
  }

 private:
  const std::string path_;
};

TEST_F(JournalTest, NameThatIsTakenMeanwhile_StaysWhoseItIs) {
  remove_file(path_);
  TakenFileSystem fs(path_);
  EXPECT_ERROR(Journal::create(path_, JournalHeader(), Overwrite::kNever, fs), ErrorCode::kIo,
               "was created by another program in the meantime");
  EXPECT_EQ(read_file(path_), "precious");
  EXPECT_FALSE(exists(path_ + ".partial"));
}

}  // namespace
}  // namespace hornet::job
