// What to type to go on with a job.
#pragma once

#include <string>
#include <vector>

namespace hornet::cli {

// A word as a POSIX shell takes it: quoted where it must be.
std::string shell_word(const std::string& word);

// The command line of `arguments` with --resume, and without --force.
std::string resume_command(const std::vector<std::string>& arguments);

// The words this process was started with.
std::vector<std::string> own_arguments();

}  // namespace hornet::cli
