// Tables of text as sources: CSV and TSV.
#pragma once

#include <memory>
#include <string>

#include "base/file_system.h"
#include "hornet/source.h"

namespace hornet {

// Fields are divided by ',' (CSV) or tabs (TSV) unless the options say otherwise, may be in quotes
// as RFC 4180 has it, and are numbers. Errors of rows name line and column.
std::unique_ptr<Source> open_csv_source(const std::string& path, const SourceOptions& options,
                                        FileSystem& fs = FileSystem::real());
std::unique_ptr<Source> open_tsv_source(const std::string& path, const SourceOptions& options,
                                        FileSystem& fs = FileSystem::real());

}  // namespace hornet
