// A job that is killed, or whose disk fails, at each step of what makes its results durable.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "fault/fault_job.h"
#include "hornet/error.h"
#include "unit/base/expect_error.h"
#include "unit/base/faulty_file_system.h"

namespace hornet {
namespace {

constexpr int kMostCalls = 400;

internal::JobHooks with(FileSystem& fs) {
  internal::JobHooks hooks;
  hooks.file_system = &fs;
  return hooks;
}

PredictOptions skipping(const FaultJob& job) {
  PredictOptions options = job.options(ExecutorKind::kThreads);
  options.on_error = OnError::kSkip;
  options.retries = 0;
  return options;
}

TEST(Commit, KilledAtEachSystemCall_TheJobGoesOnToTheSameBytes) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the thread sanitizer does not follow forks";
#endif
  const FaultJob job(80, {{33, kThrows}, {65, kThrows}});
  const PredictOptions options = skipping(job);
  int killed = 0, with_chunks = 0;
  for (int call = 1; call < kMostCalls; ++call) {
    SCOPED_TRACE(call);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      FaultyFileSystem fs;
      fs.kill_at_call(call);
      job.run(options, with(fs));
      _exit(0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    if (WIFEXITED(status)) {
      ASSERT_EQ(WEXITSTATUS(status), 0);
      job.expect_complete({33, 65});
      break;
    }
    ++killed;
    ASSERT_EQ(WTERMSIG(status), SIGKILL);
    // Nothing half-done is ever seen under the final name.
    if (std::filesystem::exists(job.output_path())) {
      EXPECT_EQ(read_npy(job.output_path()).shape(), (Shape{80, 3}));
    }
    const bool complete =
        std::filesystem::exists(job.output_path()) && !std::filesystem::exists(job.journal_path());
    if (!complete) with_chunks += job.resume(options).rows_resumed > 0;
    job.expect_complete({33, 65});
    job.remove_outputs();
    ASSERT_LT(call, kMostCalls - 1) << "the job does not come to an end";
  }
  EXPECT_GT(killed, 15);
  EXPECT_GT(with_chunks, 5);
}

class CommitFaults : public ::testing::TestWithParam<std::tuple<int, bool>> {};

TEST_P(CommitFaults, EachSystemCallFailing_IsAnErrorAndTheJobGoesOn) {
  const auto [error, all_after] = GetParam();
  const FaultJob job(48, {{33, kThrows}});
  const PredictOptions options = skipping(job);
  int failed = 0;
  for (int call = 1; call < kMostCalls; ++call) {
    SCOPED_TRACE(call);
    FaultyFileSystem fs;
    fs.fail_call(call, error, all_after);
    try {
      job.run(options, with(fs));
      if (fs.num_calls() < call) break;
    } catch (const Error& caught) {
      ++failed;
      EXPECT_TRUE(caught.code() == ErrorCode::kIo) << caught.what();
    }
    const bool complete =
        std::filesystem::exists(job.output_path()) && !std::filesystem::exists(job.journal_path());
    if (!complete) job.resume(options);
    job.expect_complete({33});
    job.remove_outputs();
    ASSERT_LT(call, kMostCalls - 1) << "the job does not come to an end";
  }
  EXPECT_GT(failed, 10);
}

INSTANTIATE_TEST_SUITE_P(Errors, CommitFaults,
                         ::testing::Values(std::tuple(EIO, false), std::tuple(ENOSPC, true)),
                         [](const auto& test) {
                           return std::string(strerrorname_np(std::get<0>(test.param))) +
                                  (std::get<1>(test.param) ? "FromThereOn" : "Once");
                         });

// The output has its space; what is left is taken before the journal needs it.
TEST(Commit, DiskThatFillsUp_EndsTheJobWhichGoesOn) {
  const FaultJob job(800, {});
  job.run(job.options(ExecutorKind::kThreads));
  const TemporaryDirectory disk;
  if (mount("tmpfs", disk.path().c_str(), "tmpfs", 0, "size=64k") != 0) {
    GTEST_SKIP() << "mounting a small disk needs root";
  }
  PredictOptions options = job.options(ExecutorKind::kThreads);
  options.chunk_size = 2;
  options.journal_path = disk.path("y.npy.hornet");
  const auto run = [&](Overwrite overwrite) {
    const auto source = open_source(job.input_path());
    options.resume = overwrite == Overwrite::kResume;
    return predict(
        FaultJob::model(), {source.get()},
        [&](size_t, DType dtype, const Shape& shape) {
          return open_sink(disk.path("y.npy"), dtype, shape, job.rows(), overwrite);
        },
        options);
  };
  options.progress = [&](const ProgressEvent& event) {
    if (event.kind != ProgressEvent::Kind::kStarted) return;
    std::ofstream(disk.path("filler")) << std::string(64 << 10, 'x');
  };
  EXPECT_ERROR(run(Overwrite::kNever), ErrorCode::kIo, "y.npy.hornet: No space left on device");
  EXPECT_FALSE(std::filesystem::exists(disk.path("y.npy")));
  std::filesystem::remove(disk.path("filler"));
  options.progress = {};
  EXPECT_GT(run(Overwrite::kResume).rows_resumed, 0);
  EXPECT_EQ(read_file(disk.path("y.npy")), read_file(job.output_path()));
  ASSERT_EQ(umount2(disk.path().c_str(), MNT_DETACH), 0);
}

TEST(Commit, InterruptedAndShortCalls_ChangeNothing) {
  const FaultJob job(48, {{33, kThrows}});
  FaultyFileSystem fs;
  fs.set_interrupts();
  fs.set_max_transfer(7);
  job.run(skipping(job), with(fs));
  job.expect_complete({33});
}

TEST(Commit, TornJournal_IsRepaired) {
  const FaultJob job(160, {{100, kThrows}});
  PredictOptions options = job.options(ExecutorKind::kThreads);
  options.workers = 1;
  EXPECT_THROW(job.run(options), RowError);
  options.on_error = OnError::kSkip;
  const std::string whole = read_file(job.journal_path());
  const std::string rows = read_file(job.output_path() + ".partial");
  const int64_t done = job_status(job.journal_path()).rows_done;
  ASSERT_GT(done, 0);
  for (const size_t cut : {1, 5, 31, 32, 33}) {
    SCOPED_TRACE(cut);
    write_file(job.journal_path(), whole.substr(0, whole.size() - cut));
    write_file(job.output_path() + ".partial", rows);
    EXPECT_LT(job_status(job.journal_path()).rows_done, done);
    EXPECT_LT(job.resume(options).rows_resumed, done);
    job.expect_complete({100});
    job.remove_outputs();
  }
  std::string flipped = whole;
  flipped[flipped.size() - 20] = static_cast<char>(flipped[flipped.size() - 20] ^ 1);
  write_file(job.journal_path(), flipped);
  write_file(job.output_path() + ".partial", rows);
  EXPECT_LT(job.resume(options).rows_resumed, done);
  job.expect_complete({100});
}

TEST(Commit, DamagedHeader_IsAnErrorThatNamesTheJournal) {
  const FaultJob job(160, {{100, kThrows}});
  PredictOptions options = job.options(ExecutorKind::kThreads);
  EXPECT_THROW(job.run(options), RowError);
  std::string bytes = read_file(job.journal_path());
  bytes[20] = static_cast<char>(bytes[20] ^ 1);
  write_file(job.journal_path(), bytes);
  EXPECT_ERROR(job.resume(options), ErrorCode::kInvalidInput,
               job.journal_path() + " is not a usable journal");
  for (const size_t size : {size_t{0}, size_t{3}, size_t{16}, size_t{40}}) {
    write_file(job.journal_path(), bytes.substr(0, size));
    EXPECT_ERROR(job_status(job.journal_path()), ErrorCode::kInvalidInput, "not a usable journal");
  }
}

TEST(Commit, AnotherInputOrOption_IsRefusedByName) {
  const FaultJob job(160, {{100, kThrows}});
  PredictOptions options = job.options(ExecutorKind::kThreads);
  EXPECT_THROW(job.run(options), RowError);
  options.check_finite = true;
  EXPECT_ERROR(job.resume(options), ErrorCode::kInvalidArgument, "the option check_finite");
  options.check_finite = false;
  options.chunk_size = 8;
  EXPECT_ERROR(job.resume(options), ErrorCode::kInvalidArgument, "chunks of 16 rows; 8 asked for");
  options.chunk_size = 0;
  std::string input = read_file(job.input_path());
  input[input.size() - 1] = static_cast<char>(input[input.size() - 1] ^ 1);
  write_file(job.input_path(), input);
  EXPECT_ERROR(job.resume(options), ErrorCode::kInvalidArgument, "the input \"");
  EXPECT_ERROR(job.run(options), ErrorCode::kIo, "is the journal of a job that is not complete");
}

// One has rows of the first job, the other is of an output that both have.
TEST(Commit, RowsThatAnotherJobHasTaken_AreNotGoneOnWith) {
  const FaultJob job(160, {{100, kThrows}});
  const PredictOptions options = job.options(ExecutorKind::kThreads);
  EXPECT_THROW(job.run(options), RowError);
  PredictOptions other = options;
  other.journal_path += ".of_another";
  other.errors_path.clear();
  EXPECT_ERROR(job.run(other), ErrorCode::kIo,
               "y.npy.partial has rows of the job of " + job.journal_path());
  EXPECT_FALSE(std::filesystem::exists(other.journal_path));
  other.overwrite = Overwrite::kAllowed;
  EXPECT_THROW(job.run(other), RowError);
  EXPECT_ERROR(job.resume(options), ErrorCode::kInvalidArgument,
               "y.npy.partial is another than the one the job of " + job.journal_path());
  other.resume = true;
  other.on_error = OnError::kSkip;
  EXPECT_GT(job.run(other).rows_resumed, 0);
}

// A sink of the caller's own, which keeps its rows and knows nothing of marks.
class KeepingSink : public Sink {
 public:
  explicit KeepingSink(std::unique_ptr<Sink> sink) : sink_(std::move(sink)) {}
  std::string name() const override { return sink_->name(); }
  void write(int64_t begin, const TensorView& rows) override { sink_->write(begin, rows); }
  void sync() override { sink_->sync(); }
  void finish() override { sink_->finish(); }
  bool keep(bool kept) override { return sink_->keep(kept); }
  bool is_finished() const override { return sink_->is_finished(); }

 private:
  const std::unique_ptr<Sink> sink_;
};

TEST(Commit, SinkWithoutMarks_IsGoneOnWithAllTheSame) {
  const FaultJob job(160, {{100, kThrows}});
  PredictOptions options = job.options(ExecutorKind::kThreads);
  const auto run = [&](Overwrite overwrite) {
    const auto source = open_source(job.input_path());
    return predict(
        FaultJob::model(), {source.get()},
        [&](size_t, DType dtype, const Shape& shape) {
          return std::make_unique<KeepingSink>(
              open_sink(job.output_path(), dtype, shape, job.rows(), overwrite));
        },
        options);
  };
  EXPECT_THROW(run(Overwrite::kNever), RowError);
  options.resume = true;
  options.on_error = OnError::kSkip;
  EXPECT_GT(run(Overwrite::kResume).rows_resumed, 0);
  job.expect_complete({100});
}

TEST(Commit, JournalWhoseHeaderIsNotOnTheDisk_HasNoNameYet) {
  const FaultJob job(48, {});
  FaultyFileSystem fs;
  fs.fail_function("fdatasync", EIO);
  PredictOptions options = job.options(ExecutorKind::kThreads);
  options.progress = [](const ProgressEvent&) { FAIL() << "the job has begun"; };
  EXPECT_ERROR(job.run(options, with(fs)), ErrorCode::kIo, "y.npy.hornet");
  EXPECT_FALSE(std::filesystem::exists(job.journal_path()));
}

TEST(Commit, JournalIsAFewBytesAChunk) {
  const FaultJob job(4000, {{3999, kThrows}});
  PredictOptions options = job.options(ExecutorKind::kThreads);
  options.chunk_size = 1;
  options.batch_size = 1;
  options.sync_interval_seconds = 0.01;
  EXPECT_THROW(job.run(options), RowError);
  const auto bytes = std::filesystem::file_size(job.journal_path());
  const auto status = job_status(job.journal_path());
  EXPECT_GT(status.chunks_done, 3900);
  EXPECT_LE(bytes, 4096 + 32 * static_cast<size_t>(status.chunks_done));
}

TEST(Commit, WhileOneRunWorks_AnotherIsRefused) {
  const FaultJob job(64, {});
  PredictOptions options = job.options(ExecutorKind::kThreads);
  bool tried = false;
  options.progress = [&](const ProgressEvent& event) {
    if (event.kind != ProgressEvent::Kind::kStarted) return;
    tried = true;
    EXPECT_TRUE(job_status(job.journal_path()).is_running);
    PredictOptions second = job.options(ExecutorKind::kThreads);
    EXPECT_ERROR(job.resume(second), ErrorCode::kIo, "another run goes on");
    second.overwrite = Overwrite::kAllowed;
    EXPECT_ERROR(job.run(second), ErrorCode::kIo, "another run is writing");
  };
  job.run(options);
  EXPECT_TRUE(tried);
  job.expect_complete({});
}

// All rows are computed when another program takes the name of the output.
TEST(Commit, OutputThatCannotGetItsName_IsReported_AndSoIsTheRunThatGoesOn) {
  const FaultJob job(32, {});
  PredictOptions options = job.options(ExecutorKind::kThreads);
  options.report_path = job.output_path() + ".json";
  options.progress = [&](const ProgressEvent& event) {
    if (event.kind == ProgressEvent::Kind::kFinished) write_file(job.output_path(), "mine");
  };
  EXPECT_ERROR(job.run(options), ErrorCode::kIo, "was created by another program");
  EXPECT_NE(read_file(options.report_path).find("was created by another program"),
            std::string::npos);
  EXPECT_TRUE(job_status(job.journal_path()).is_complete);

  std::filesystem::remove(job.output_path());
  std::filesystem::remove(options.report_path);
  std::vector<int64_t> rows_told;
  options.progress = [&](const ProgressEvent& event) { rows_told.push_back(event.rows_done); };
  job.resume(options);
  EXPECT_EQ(rows_told, (std::vector<int64_t>{32, 32}));  // started, finished
  EXPECT_NE(read_file(options.report_path).find("\"rows_resumed\":32"), std::string::npos);
  std::filesystem::remove(options.report_path);
  job.expect_complete({});
}

class TruncatedInput : public ::testing::TestWithParam<ExecutorKind> {};

// Rows from 1500 on are cut off while rows before 1000 are computed, which take their time.
TEST_P(TruncatedInput, WhileRead_FailsItsRowsAndKeepsTheOthers) {
  std::map<int64_t, float> slow;
  for (int64_t row = 0; row < 1000; row += 20) slow[row] = kIsSlow;
  const FaultJob job(1600, slow);
  PredictOptions options = job.options(GetParam());
  options.on_error = OnError::kSkip;
  options.retries = 0;
  // A process that is still starting could not open the file any more.
  if (GetParam() == ExecutorKind::kProcesses) options.workers = 1;
  constexpr size_t kLeft = 128 + 1500 * FaultJob::kRowElements * sizeof(float);
  bool truncated = false;
  options.progress = [&](const ProgressEvent& event) {
    if (truncated || event.kind != ProgressEvent::Kind::kAdvanced || event.rows_done == 0) return;
    truncated = true;
    ASSERT_LT(event.rows_done, 1000);
    std::filesystem::resize_file(job.input_path(), kLeft);
  };
  const PredictReport report = job.run(options);
  ASSERT_TRUE(truncated);
  std::set<int64_t> gone;
  for (int64_t row = 1500; row < 1600; ++row) gone.insert(row);
  EXPECT_EQ(report.rows_failed, static_cast<int64_t>(gone.size()));
  EXPECT_EQ(report.workers_replaced, 0);
  job.expect_complete(gone);
  EXPECT_NE(read_file(job.errors_path()).find("x.npy was truncated to"), std::string::npos);
}

// An output that somebody cuts off while rows are written to it. How long it is found to be depends
// on the rows that are written meanwhile.
TEST(TruncatedOutput, WhileWritten_StopsTheJobWithItsNameAndRows) {
  std::map<int64_t, float> slow;
  for (int64_t row = 0; row < 1000; row += 20) slow[row] = kIsSlow;
  const FaultJob job(1600, slow);
  PredictOptions options = job.options(ExecutorKind::kThreads);
  const std::string partial = job.output_path() + ".partial";
  bool truncated = false;
  options.progress = [&](const ProgressEvent& event) {
    if (truncated || event.kind != ProgressEvent::Kind::kAdvanced || event.rows_done == 0) return;
    truncated = true;
    ASSERT_LT(event.rows_done, 1000);
    std::filesystem::resize_file(partial, 128);
  };
  EXPECT_ERROR(job.run(options), ErrorCode::kIo, partial + " was truncated to ");
  EXPECT_TRUE(truncated);
}

INSTANTIATE_TEST_SUITE_P(Executors, TruncatedInput,
                         ::testing::Values(ExecutorKind::kThreads, ExecutorKind::kProcesses),
                         [](const auto& kind) {
                           return kind.param == ExecutorKind::kThreads ? "Threads" : "Processes";
                         });

}  // namespace
}  // namespace hornet
