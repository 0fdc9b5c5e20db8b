#include "data/partial_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>

#include "unit/base/expect_error.h"
#include "unit/base/faulty_file_system.h"
#include "unit/base/temporary_directory.h"

namespace hornet {
namespace {

class PartialFileTest : public ::testing::Test {
 protected:
  void publish(const std::string& text, Overwrite overwrite = Overwrite::kNever) {
    PartialFile partial(path_, text.size(), overwrite, fs_);
    partial.file().write_at(0, std::as_bytes(std::span(text)));
    partial.publish();
  }

  TemporaryDirectory directory_;
  const std::string path_ = directory_.path("out");
  const std::string partial_path_ = path_ + ".partial";
  FaultyFileSystem fs_;
};

TEST_F(PartialFileTest, Publish_GivesTheNameAndNothingElse) {
  publish("new");
  EXPECT_EQ(read_file(path_), "new");
  EXPECT_FALSE(std::filesystem::exists(partial_path_));
}

TEST_F(PartialFileTest, ExistingFile_IsRefusedBeforeAnythingIsDone) {
  write_file(path_, "old");
  EXPECT_ERROR(publish("new"), ErrorCode::kIo, path_ + " exists and is not overwritten");
  EXPECT_EQ(read_file(path_), "old");
  EXPECT_FALSE(std::filesystem::exists(partial_path_));
}

TEST_F(PartialFileTest, ExistingFile_OverwriteAllowed_StaysUntilPublished) {
  write_file(path_, "old");
  {
    PartialFile dropped(path_, 10, Overwrite::kAllowed);
    EXPECT_EQ(read_file(path_), "old");
  }
  EXPECT_EQ(read_file(path_), "old");
  publish("new", Overwrite::kAllowed);
  EXPECT_EQ(read_file(path_), "new");
}

TEST_F(PartialFileTest, Publish_NameTakenInTheMeantime_IsRefusedAndLeftAlone) {
  {
    PartialFile partial(path_, 10, Overwrite::kNever);
    write_file(path_, "of another");
    EXPECT_ERROR(partial.publish(), ErrorCode::kIo, "created by another program in the meantime");
  }
  EXPECT_EQ(read_file(path_), "of another");
  EXPECT_FALSE(std::filesystem::exists(partial_path_));
}

TEST_F(PartialFileTest, DanglingLinkAtThePath_CountsAsExisting) {
  std::filesystem::create_symlink(directory_.path("elsewhere"), path_);
  EXPECT_ERROR(publish("new"), ErrorCode::kIo, "exists");
  EXPECT_TRUE(std::filesystem::is_symlink(path_));
}

TEST_F(PartialFileTest, LinkAtThePath_OverwriteAllowed_IsReplacedAndNotFollowed) {
  write_file(directory_.path("elsewhere"), "precious");
  std::filesystem::create_symlink(directory_.path("elsewhere"), path_);
  publish("new", Overwrite::kAllowed);
  EXPECT_EQ(read_file(directory_.path("elsewhere")), "precious");
  EXPECT_FALSE(std::filesystem::is_symlink(path_));
  EXPECT_EQ(read_file(path_), "new");
}

TEST_F(PartialFileTest, SecondRun_WhileTheFirstWrites_IsRefused) {
  {
    PartialFile first(path_, 10, Overwrite::kNever);
    for (const Overwrite overwrite : {Overwrite::kNever, Overwrite::kAllowed}) {
      EXPECT_ERROR(PartialFile(path_, 10, overwrite), ErrorCode::kIo,
                   "another run is writing " + partial_path_);
    }
    EXPECT_TRUE(std::filesystem::exists(partial_path_));
    first.publish();
  }
  EXPECT_EQ(std::filesystem::file_size(path_), 10u);
}

TEST_F(PartialFileTest, LeftoverOfAKilledRun_IsReplaced) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    PartialFile partial(path_, 1000, Overwrite::kNever);
    raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  ASSERT_EQ(std::filesystem::file_size(partial_path_), 1000u);
  publish("new");
  EXPECT_EQ(read_file(path_), "new");
  EXPECT_FALSE(std::filesystem::exists(partial_path_));
}

TEST_F(PartialFileTest, LeftoverThatIsASecondNameOfAFile_DoesNotHarmTheFile) {
  write_file(directory_.path("elsewhere"), "precious");
  std::filesystem::create_hard_link(directory_.path("elsewhere"), partial_path_);
  publish("new");
  EXPECT_EQ(read_file(directory_.path("elsewhere")), "precious");
}

TEST_F(PartialFileTest, LinkAtThePartialPath_IsRefusedAndNotFollowed) {
  write_file(directory_.path("elsewhere"), "precious");
  std::filesystem::create_symlink(directory_.path("elsewhere"), partial_path_);
  EXPECT_ERROR(publish("new", Overwrite::kAllowed), ErrorCode::kIo, partial_path_);
  EXPECT_EQ(read_file(directory_.path("elsewhere")), "precious");
}

TEST_F(PartialFileTest, DirectoryOrFifoAtThePartialPath_IsRefused) {
  std::filesystem::create_directory(partial_path_);
  EXPECT_ERROR(publish("new"), ErrorCode::kIo, partial_path_ + ": Is a directory");
  std::filesystem::remove(partial_path_);
  ASSERT_EQ(mkfifo(partial_path_.c_str(), 0600), 0);
  EXPECT_ERROR(publish("new"), ErrorCode::kIo, "not a regular file");
}

TEST_F(PartialFileTest, FileSystemWithoutLocks_WritesANewFile) {
  fs_.fail_function("lock", ENOSYS);
  publish("new");
  EXPECT_EQ(read_file(path_), "new");
}

TEST_F(PartialFileTest, FileSystemWithoutLocks_LeftoverIsReplacedOnlyWhenAsked) {
  fs_.fail_function("lock", ENOSYS);
  write_file(partial_path_, "of whom?");
  EXPECT_ERROR(publish("new"), ErrorCode::kIo, "remove it if none is");
  EXPECT_EQ(read_file(partial_path_), "of whom?");
  publish("new", Overwrite::kAllowed);
  EXPECT_EQ(read_file(path_), "new");
}

TEST_F(PartialFileTest, Kept_IsContinuedByAnotherRun) {
  {
    PartialFile first(path_, 4, Overwrite::kNever);
    first.file().write_at(0, std::as_bytes(std::span(std::string_view("ab"))));
    first.keep();
  }
  ASSERT_EQ(std::filesystem::file_size(partial_path_), 4u);
  {
    PartialFile second(path_, 4, Overwrite::kResume);  // kept from the start
    second.file().write_at(2, std::as_bytes(std::span(std::string_view("cd"))));
  }
  PartialFile third(path_, 4, Overwrite::kResume);
  EXPECT_FALSE(third.is_published());
  third.publish();
  EXPECT_EQ(read_file(path_), "abcd");
  EXPECT_FALSE(std::filesystem::exists(partial_path_));
}

TEST_F(PartialFileTest, KeptNoLonger_IsRemoved) {
  {
    PartialFile partial(path_, 4, Overwrite::kNever);
    partial.keep();
    partial.keep(false);
  }
  EXPECT_TRUE(directory_.is_empty());
}

TEST_F(PartialFileTest, Mark_IsFoundByAnotherRunAndGoneWhenPublished) {
  {
    PartialFile first(path_, 4, Overwrite::kNever);
    first.file().write_at(0, std::as_bytes(std::span(std::string_view("abcd"))));
    first.keep();
    first.set_owner({"job 7", "../a.hornet"});
  }
  PartialFile second(path_, 4, Overwrite::kResume);
  ASSERT_TRUE(second.owner().has_value());
  EXPECT_EQ(second.owner()->job, "job 7");
  EXPECT_EQ(second.owner()->journal, "../a.hornet");
  second.publish();
  EXPECT_EQ(read_file(path_), "abcd");
}

TEST_F(PartialFileTest, LeftoverWhoseOwnersJournalIsThere_IsReplacedOnlyWhenAsked) {
  {
    PartialFile first(path_, 4, Overwrite::kNever);
    first.keep();
    first.set_owner({"job 7", "a.hornet"});
  }
  write_file(directory_.path("a.hornet"), "");
  EXPECT_ERROR(publish("new"), ErrorCode::kIo,
               partial_path_ + " has rows of the job of " + directory_.path("a.hornet"));
  EXPECT_EQ(PartialFile(path_, 4, Overwrite::kResume).owner()->job, "job 7");
  publish("new", Overwrite::kAllowed);
  EXPECT_EQ(read_file(path_), "new");
}

TEST_F(PartialFileTest, MarkOfAnotherLength_TakesThePlaceOfTheFirst) {
  {
    PartialFile first(path_, 4, Overwrite::kNever);
    first.keep();
    first.set_owner({"a job with a long name", "a.hornet"});
    first.set_owner({"job 7", "a.hornet"});
  }
  EXPECT_EQ(PartialFile(path_, 4, Overwrite::kResume).owner()->job, "job 7");
}

// The journal is in the folder beside the one that the link leads to, not beside the link.
TEST_F(PartialFileTest, JournalOfAnOutputInALinkedFolder_IsFoundAsTheSystemGoes) {
  namespace stdfs = std::filesystem;
  stdfs::create_directories(directory_.path("far/outputs"));
  write_file(directory_.path("far/a.hornet"), "");
  stdfs::create_directory_symlink(directory_.path("far/outputs"), directory_.path("link"));
  const std::string path = directory_.path("link/y");
  {
    PartialFile first(path, 4, Overwrite::kNever);
    first.keep();
    first.set_owner({"job 7", "../a.hornet"});
  }
  EXPECT_ERROR(PartialFile(path, 4, Overwrite::kNever), ErrorCode::kIo,
               path + ".partial has rows of the job of ");
}

TEST_F(PartialFileTest, LeftoverWhoseOwnersJournalIsGone_IsReplaced) {
  {
    PartialFile first(path_, 4, Overwrite::kNever);
    first.keep();
    first.set_owner({"job 7", "a.hornet"});
  }
  publish("new");
  EXPECT_EQ(read_file(path_), "new");
}

TEST_F(PartialFileTest, Resume_FindsWhatWasPublished) {
  publish("done");
  PartialFile again(path_, 4, Overwrite::kResume);
  EXPECT_TRUE(again.is_published());
  again.publish();
  EXPECT_EQ(read_file(path_), "done");
}

TEST_F(PartialFileTest, Resume_RefusesWhatIsMissingOrOfAnotherSize) {
  EXPECT_ERROR(PartialFile(path_, 4, Overwrite::kResume), ErrorCode::kIo,
               partial_path_ + " is missing");
  write_file(partial_path_, "abc");
  EXPECT_ERROR(PartialFile(path_, 4, Overwrite::kResume), ErrorCode::kIo,
               "has 3 bytes; expected 4");
  EXPECT_EQ(read_file(partial_path_), "abc");
}

TEST_F(PartialFileTest, Resume_WhileTheFirstRunWrites_IsRefused) {
  PartialFile first(path_, 4, Overwrite::kNever);
  EXPECT_ERROR(PartialFile(path_, 4, Overwrite::kResume), ErrorCode::kIo, "another run is writing");
}

// Takes the new file for a leftover and removes it, just before its maker locks it: as often as
// told.
class ThievingFileSystem : public FaultyFileSystem {
 public:
  ThievingFileSystem(std::string path, int thefts) : path_(std::move(path)), thefts_(thefts) {}
  int lock(int fd, int command, struct flock* lock) override {
    if (thefts_-- > 0) ::unlink(path_.c_str());
    return FaultyFileSystem::lock(fd, command, lock);
  }

 private:
  std::string path_;
  int thefts_;
};

TEST_F(PartialFileTest, NewFileTakenForALeftover_IsMadeAgain) {
  ThievingFileSystem fs(partial_path_, 2);
  PartialFile partial(path_, 10, Overwrite::kNever, fs);
  EXPECT_EQ(std::filesystem::file_size(partial_path_), 10u);
  partial.publish();
  EXPECT_EQ(std::filesystem::file_size(path_), 10u);
}

TEST_F(PartialFileTest, NewFileTakenForALeftoverEveryTime_IsAnErrorAndNoEndlessLoop) {
  ThievingFileSystem fs(partial_path_, 1000);
  EXPECT_ERROR(PartialFile(path_, 10, Overwrite::kNever, fs), ErrorCode::kIo, "another run");
}

// Once the leftover is open, its run publishes it after all, and a third run starts anew.
class OvertakingFileSystem : public FaultyFileSystem {
 public:
  explicit OvertakingFileSystem(const std::string& path) : path_(path) {}
  int lock(int fd, int command, struct flock* lock) override {
    if (!third_) {
      std::filesystem::rename(path_ + ".partial", path_ + ".of_the_first");
      third_ = std::make_unique<PartialFile>(path_, 77, Overwrite::kNever);
    }
    return FaultyFileSystem::lock(fd, command, lock);
  }

 private:
  std::string path_;
  std::unique_ptr<PartialFile> third_;
};

TEST_F(PartialFileTest, LeftoverPublishedWhileItIsLookedAt_DoesNotHarmTheNextRun) {
  write_file(partial_path_, "first");
  OvertakingFileSystem fs(path_);
  EXPECT_ERROR(PartialFile(path_, 10, Overwrite::kNever, fs), ErrorCode::kIo,
               "another run is writing");
  EXPECT_EQ(read_file(path_ + ".of_the_first"), "first");
  ASSERT_TRUE(std::filesystem::exists(partial_path_));
  EXPECT_EQ(std::filesystem::file_size(partial_path_), 77u);
}

TEST_F(PartialFileTest, Publish_BytesThatCannotBeMadeDurable_AreAnError) {
  fs_.fail_function("fdatasync", EIO);
  EXPECT_ERROR(publish("new"), ErrorCode::kIo, "cannot write " + partial_path_ + " to disk");
  EXPECT_TRUE(directory_.is_empty());
}

TEST_F(PartialFileTest, PathsThatCannotBeFiles_AreRefusedClearly) {
  EXPECT_ERROR(PartialFile("", 1, Overwrite::kNever), ErrorCode::kIo, "names no file");
  EXPECT_ERROR(PartialFile(directory_.path("new/"), 1, Overwrite::kNever), ErrorCode::kIo,
               "names no file");
  EXPECT_ERROR(PartialFile(directory_.path("no/out"), 1, Overwrite::kNever), ErrorCode::kIo,
               "directory " + directory_.path("no") + ": No such file or directory");
  EXPECT_ERROR(PartialFile(directory_.path(), 1, Overwrite::kAllowed), ErrorCode::kIo,
               "it is a directory");
  write_file(directory_.path("file"), "");
  EXPECT_ERROR(PartialFile(directory_.path("file/out"), 1, Overwrite::kNever), ErrorCode::kIo,
               "is not a directory");
  EXPECT_ERROR(PartialFile("/dev/null", 1, Overwrite::kAllowed), ErrorCode::kIo,
               "what is there is not a regular file");
  EXPECT_ERROR(PartialFile(directory_.path(std::string(252, 'x')), 1, Overwrite::kNever),
               ErrorCode::kIo, "File name too long");
}

TEST_F(PartialFileTest, DirectoryThatMayNotBeWritten_IsRefused) {
  const std::string locked = directory_.path("locked");
  std::filesystem::create_directory(locked);
  const auto open = [&] { PartialFile(locked + "/out", 1, Overwrite::kNever, fs_); };
  if (geteuid() == 0)
    fs_.fail_function("open", EACCES);  // root may write anywhere
  else
    std::filesystem::permissions(
        locked, std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  EXPECT_ERROR(open(), ErrorCode::kIo,
               "cannot create " + locked + "/out.partial: Permission denied");
}

TEST_F(PartialFileTest, PathWithoutDirectory_IsInTheCurrentOne) {
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(directory_.path());
  { PartialFile("out", 3, Overwrite::kNever).publish(); }
  std::filesystem::current_path(before);
  EXPECT_EQ(std::filesystem::file_size(path_), 3u);
}

TEST_F(PartialFileTest, FileMode_IsThatOfTheUmask) {
  const mode_t before = umask(027);
  publish("new");
  umask(before);
  struct stat status = {};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
}

}  // namespace
}  // namespace hornet
