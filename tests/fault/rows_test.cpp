// Rows that throw, crash, hang, run out of memory or give NaN.
#include <gtest/gtest.h>

#include "fault/fault_job.h"
#include "unit/base/expect_error.h"

namespace hornet {
namespace {

std::set<int64_t> rows_of(const std::map<int64_t, float>& marks) {
  std::set<int64_t> rows;
  for (const auto& [row, mark] : marks) rows.insert(row);
  return rows;
}

class BadRows : public ::testing::TestWithParam<ExecutorKind> {
 protected:
  static bool processes() { return GetParam() == ExecutorKind::kProcesses; }
};

// Predicts into a table that has a line for each row behind that of names; `bad` has no values.
void expect_line_of_bad_row(const FaultJob& job, const PredictOptions& options, int64_t rows,
                            int64_t bad) {
  const auto source = open_source(job.input_path());
  const std::string path = job.output_path() + ".csv";
  const auto sink = [&](size_t, DType dtype, const Shape& shape) {
    return open_sink(path, dtype, shape, rows);
  };
  EXPECT_EQ(predict(FaultJob::model(), {source.get()}, sink, options).rows_failed, 1);
  std::ifstream file(path);
  int64_t row = -1;
  for (std::string line; std::getline(file, line); ++row) {
    EXPECT_EQ(line.find("nan") != std::string::npos, row == bad) << row << ": " << line;
  }
  EXPECT_EQ(row, rows);
}

TEST_P(BadRows, ThatThrow_AreSkippedAndListed) {
  const std::map<int64_t, float> marks = {
      {0, kThrows}, {17, kThrows}, {18, kThrows}, {99, kThrows}};
  const FaultJob job(100, marks);
  PredictOptions options = job.options(GetParam());
  options.on_error = OnError::kSkip;
  const PredictReport report = job.run(options);
  EXPECT_EQ(report.rows_failed, 4);
  EXPECT_EQ(report.workers_replaced, 0);
  job.expect_complete(rows_of(marks));
}

// Ten chunks, of which the last two are given out in parts, of four and of two rows.
TEST_P(BadRows, InChunksGivenOutInParts_AreSkippedAndListed) {
  const std::map<int64_t, float> marks = {
      {130, kThrows}, {131, kThrows}, {141, kThrows}, {149, kThrows}};
  const FaultJob job(150, marks);
  PredictOptions options = job.options(GetParam());
  EXPECT_THROW(job.run(options), RowError);
  options.on_error = OnError::kSkip;
  EXPECT_EQ(job.resume(options).rows_failed, 4);
  job.expect_complete(rows_of(marks));
}

TEST_P(BadRows, InChunksGivenOutInParts_TakeTheirLineOfAText) {
  constexpr int64_t kRows = 150;
  const FaultJob job(kRows, {{141, kThrows}});
  PredictOptions options = job.options(GetParam());
  options.on_error = OnError::kSkip;
  expect_line_of_bad_row(job, options, kRows, 141);
}

// A block of rows is read and written at once: here each chunk has three, and 52 rows beside.
TEST_P(BadRows, InLaterBlocksOfAChunk_AreSkippedAndListed) {
  constexpr int64_t kRows = 8000;
  const std::map<int64_t, float> marks = {{1500, kThrows}, {3999, kThrows}, {7999, kThrows}};
  const FaultJob job(kRows, marks);
  PredictOptions options = job.options(GetParam());
  options.on_error = OnError::kSkip;
  options.chunk_size = kRows / 2;
  EXPECT_EQ(job.run(options).rows_failed, 3);
  job.expect_complete(rows_of(marks));
}

TEST_P(BadRows, InLaterBlocks_TakeTheirLineOfAText) {
  constexpr int64_t kRows = 4000;
  const FaultJob job(kRows, {{3000, kThrows}});
  PredictOptions options = job.options(GetParam());
  options.on_error = OnError::kSkip;
  options.retries = 0;
  options.chunk_size = kRows;
  expect_line_of_bad_row(job, options, kRows, 3000);
}

TEST_P(BadRows, ThatGiveNaN_FailOnlyWhereAsked) {
  const std::map<int64_t, float> marks = {{5, kGivesNaN}, {50, kGivesNaN}};
  const FaultJob job(64, marks);
  PredictOptions options = job.options(GetParam());
  options.on_error = OnError::kSkip;
  EXPECT_EQ(job.run(options).rows_failed, 0);
  options.overwrite = Overwrite::kAllowed;
  options.check_finite = true;
  EXPECT_EQ(job.run(options).rows_failed, 2);
  job.expect_complete(rows_of(marks));
  EXPECT_NE(read_file(job.errors_path()).find("row 5 for " + job.output_path() + " is not finite"),
            std::string::npos);
}

TEST_P(BadRows, WithStop_EndTheJobWhichGoesOnWithSkip) {
  const FaultJob job(200, {{77, kThrows}});
  PredictOptions options = job.options(GetParam());
  try {
    job.run(options);
    FAIL();
  } catch (const RowError& error) {
    EXPECT_EQ(error.row(), 77);
    EXPECT_NE(error.message().find("the row is marked"), std::string::npos) << error.message();
  }
  EXPECT_FALSE(std::filesystem::exists(job.output_path()));
  const JobStatus status = job_status(job.journal_path());
  EXPECT_FALSE(status.is_running);
  EXPECT_EQ(status.rows, 200);
  EXPECT_LT(status.rows_done, 200);
  options.on_error = OnError::kSkip;
  const PredictReport report = job.resume(options);
  EXPECT_EQ(report.rows_resumed, status.rows_done);
  EXPECT_EQ(report.rows_failed, 1);
  job.expect_complete({77});
}

INSTANTIATE_TEST_SUITE_P(Executors, BadRows,
                         ::testing::Values(ExecutorKind::kThreads, ExecutorKind::kProcesses),
                         [](const auto& kind) {
                           return kind.param == ExecutorKind::kThreads ? "Threads" : "Processes";
                         });

TEST(ListOfFailedRows, StaysWithItsOutputUntilThatIsReplaced) {
  const FaultJob job(1600, {{40, kThrows}, {1590, kRunsOutOfMemory}});
  PredictOptions options = job.options(ExecutorKind::kThreads);
  options.workers = 1;
  options.on_error = OnError::kSkip;
  write_file(job.output_path(), "old");
  write_file(job.errors_path(), "of the old");
  options.overwrite = Overwrite::kAllowed;
  EXPECT_ERROR(job.run(options), ErrorCode::kOutOfMemory, "no memory");
  EXPECT_EQ(job_status(job.journal_path()).rows_failed, 1);
  EXPECT_EQ(read_file(job.output_path()), "old");
  EXPECT_EQ(read_file(job.errors_path()), "of the old");
  options.executor = ExecutorKind::kProcesses;
  options.retries = 0;
  EXPECT_EQ(job.resume(options).rows_failed, 2);
  job.expect_complete({40, 1590});
  EXPECT_FALSE(std::filesystem::exists(job.errors_path() + ".new"));
}

TEST(ListOfFailedRows, OfAnOutputThatWasReplaced_IsGone) {
  const FaultJob job(32, {});
  PredictOptions options = job.options(ExecutorKind::kThreads);
  write_file(job.output_path(), "old");
  write_file(job.errors_path(), "of the old");
  options.overwrite = Overwrite::kAllowed;
  job.run(options);
  job.expect_complete({});
  EXPECT_FALSE(std::filesystem::exists(job.errors_path()));
}

TEST(NoMemory, InThreads_StopsTheJobWhichGoesOn) {
  const FaultJob job(96, {{40, kRunsOutOfMemory}});
  PredictOptions options = job.options(ExecutorKind::kThreads);
  options.on_error = OnError::kSkip;
  EXPECT_ERROR(job.run(options), ErrorCode::kOutOfMemory, "rows ");
  EXPECT_EQ(job_status(job.journal_path()).rows_failed, 0);
  options.executor = ExecutorKind::kProcesses;
  options.retries = 0;
  EXPECT_EQ(job.resume(options).rows_failed, 1);
  job.expect_complete({40});
}

TEST(BadRowsInProcesses, ThatKillWorkers_AreFoundOneByOne) {
  const std::map<int64_t, float> marks = {
      {3, kCrashes}, {40, kRunsOutOfMemory}, {41, kExits}, {90, kThrows}};
  const FaultJob job(96, marks);
  PredictOptions options = job.options(ExecutorKind::kProcesses);
  options.on_error = OnError::kSkip;
  options.retries = 1;
  std::set<std::string> told;
  options.progress = [&](const ProgressEvent& event) {
    if (event.kind == ProgressEvent::Kind::kWorkerReplaced) told.insert(event.message);
  };
  const PredictReport report = job.run(options);
  EXPECT_EQ(report.rows_failed, 4);
  EXPECT_GE(report.workers_replaced, 3 * 4);
  EXPECT_GE(told.size(), 3u);
  job.expect_complete(rows_of(marks));
}

TEST(BadRowsInProcesses, ThatHang_AreFoundByTheTimeout) {
  const FaultJob job(16, {{9, kHangs}});
  PredictOptions options = job.options(ExecutorKind::kProcesses);
  options.on_error = OnError::kSkip;
  options.retries = 0;
  options.timeout = std::chrono::seconds(1);  // far more than good rows take
  const PredictReport report = job.run(options);
  EXPECT_EQ(report.rows_failed, 1);
  job.expect_complete({9});
  EXPECT_NE(read_file(job.errors_path()).find("\"error\":\"timeout\""), std::string::npos);
}

// Tells workers to hang while they load the model: the first one, or all for a path that cannot be.
class WorkersThatHangAtTheirStart : public ::testing::Test {
 protected:
  static void hang(const std::string& path) {
    setenv("HORNET_FAULT_HANG_AT_START", path.c_str(), 1);
  }
  void TearDown() override { unsetenv("HORNET_FAULT_HANG_AT_START"); }
};

TEST_F(WorkersThatHangAtTheirStart, AreReplaced) {
  const FaultJob job(64, {});
  const TemporaryDirectory directory;
  hang(directory.path("hangs"));
  PredictOptions options = job.options(ExecutorKind::kProcesses);
  options.retries = 0;
  options.workers = 1;
  options.start_timeout = std::chrono::seconds(3);  // far more than good ones take
  std::string told;
  options.progress = [&](const ProgressEvent& event) {
    if (event.kind == ProgressEvent::Kind::kWorkerReplaced) told += event.message;
  };
  const PredictReport report = job.run(options);
  EXPECT_GE(report.workers_replaced, 1);
  EXPECT_NE(told.find(" was not ready 3 s after its start and was killed"), std::string::npos)
      << told;
  EXPECT_EQ(report.rows_failed, 0);
  job.expect_complete({});
}

TEST_F(WorkersThatHangAtTheirStart, AreNotWaitedForWhereOthersHaveDoneTheWork) {
  const FaultJob job(64, {});
  const TemporaryDirectory directory;
  hang(directory.path("hangs"));
  EXPECT_EQ(job.run(job.options(ExecutorKind::kProcesses)).workers_replaced, 0);
  job.expect_complete({});
  EXPECT_TRUE(std::filesystem::exists(directory.path("hangs")));
}

TEST_F(WorkersThatHangAtTheirStart, EveryTime_EndTheJobWhichCanGoOn) {
  const FaultJob job(64, {});
  hang("/nonexistent/hangs");
  PredictOptions options = job.options(ExecutorKind::kProcesses);
  options.start_timeout = std::chrono::milliseconds(50);
  EXPECT_ERROR(job.run(options), ErrorCode::kBrokenPool, "was not ready 0.05 s after its start");
  TearDown();
  options.start_timeout = {};
  job.resume(options);
  job.expect_complete({});
}

TEST(BadRowsInProcesses, MoreDeathsThanAllowed_EndTheJobWhichCanGoOn) {
  const FaultJob job(64, {{3, kCrashes}, {33, kCrashes}});
  PredictOptions options = job.options(ExecutorKind::kProcesses);
  options.on_error = OnError::kSkip;
  options.max_replacements = 2;
  EXPECT_ERROR(job.run(options), ErrorCode::kBrokenPool,
               "2 workers were replaced before, which is the most allowed");
  options.max_replacements = 100;
  job.resume(options);
  job.expect_complete({3, 33});
}

TEST(BadRowsInProcesses, WithoutAWorkerThatKnowsTheLayers_TheErrorNamesThem) {
  const FaultJob job(8, {});
  PredictOptions options = job.options(ExecutorKind::kProcesses);
  options.worker_program = HORNET_WORKER;
  EXPECT_ERROR(job.run(options), ErrorCode::kBrokenPool, "my_package>GatedResidual");
}

TEST(Processes, RowsInMemory_TravelThroughSharedMemory) {
  const FaultJob job(1000, {{500, kThrows}});
  const Tensor input = read_npy(job.input_path());
  Tensor output(DType::kFloat32, {1000, 3});
  const auto source = memory_source(input);
  PredictOptions options = job.options(ExecutorKind::kProcesses);
  options.journal_path.clear();
  options.chunk_size = 300;
  options.on_error = OnError::kSkip;
  const PredictReport report = predict(
      FaultJob::model(), {source.get()},
      [&](size_t, DType dtype, const Shape&) {
        return memory_sink({output.mutable_data(), dtype, {1000, 3}});
      },
      options);
  EXPECT_EQ(report.rows_failed, 1);
  ASSERT_EQ(report.worker_memory.size(), 2u);
  EXPECT_GT(report.worker_memory[0].private_bytes, 0u);
  const auto sink = open_sink(job.output_path(), DType::kFloat32, {3}, 1000);
  sink->write(0, output);
  sink->finish();
  job.expect_complete({500});
}

TEST_P(BadRows, IntoATextFile_TakeTheirLine) {
  const FaultJob job(100, {{17, kThrows}, {60, kThrows}});
  PredictOptions options = job.options(GetParam());
  options.on_error = OnError::kSkip;
  options.chunk_size = 50;
  const auto source = open_source(job.input_path());
  const std::string path = job.output_path() + ".csv";
  const PredictReport report = predict(
      FaultJob::model(), {source.get()},
      [&](size_t, DType dtype, const Shape& shape) { return open_sink(path, dtype, shape, 100); },
      options);
  EXPECT_EQ(report.rows_failed, 2);
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  ASSERT_GE(lines.size(), 100u);
  lines.erase(lines.begin(), lines.end() - 100);  // a line of names
  for (size_t row = 0; row < 100; ++row) {
    const bool bad = row == 17 || row == 60;
    EXPECT_EQ(lines[row].find("nan") != std::string::npos, bad) << row << ": " << lines[row];
  }
  EXPECT_FALSE(std::filesystem::exists(job.journal_path()));
}

TEST(Report, TellsTriesAndWorkers) {
  const FaultJob job(40, {{20, kThrows}});
  PredictOptions options = job.options(ExecutorKind::kThreads);
  options.on_error = OnError::kSkip;
  options.report_path = job.output_path() + ".json";
  job.run(options);
  const std::string report = read_file(options.report_path);
  EXPECT_NE(report.find("\"failed_rows\":1"), std::string::npos) << report;
  EXPECT_NE(report.find("the row is marked"), std::string::npos);
  EXPECT_NE(report.find("\"busy_seconds\":"), std::string::npos);
  std::filesystem::remove(options.report_path);
}

}  // namespace
}  // namespace hornet
