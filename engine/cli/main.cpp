// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <new>
#include <sstream>
#include <system_error>
#include <vector>

#include "common.h"
#include "interrupt.h"
#include "rookery/version.h"

namespace {

using namespace rookery::cli;

int report(const Error& error, const Context& context) {
  std::fflush(stdout);
  print(stderr, "rookery-cli: {}\n", error.message);
  printLines(stderr, error.details, "  ");
  if (context.json)
    printJson({{"error", {{"code", rookery::engine::errorName(error.code)}, {"message", error.message}, {"details", error.details}}}});
  return exitCode(error.code);
}

/// What was printed must have arrived: a full disk or a closed pipe is a failure, whatever the verb achieved.
int finish(int code) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  print(stderr, "rookery-cli: The results could not be written to the standard output.\n");
  return kFailed;
}

int runMain(int argc, char** argv) {
  startInterruptThread();
  endOnLostFile();
  Context context;
  CLI::App app("Rookery: run and measure RWKV language models from the command line.", "rookery-cli");
  app.set_version_flag("--version", std::string("rookery-cli ") + rookery::engine::versionString());
  app.require_subcommand(1);
  app.footer("Results go to stdout, messages to stderr. Exit codes: 0 ok, 1 failed, 2 usage, 3 file or model unusable,\n"
             "4 out of memory, 5 verification failed, 130 interrupted. \"rookery-cli VERB --help\" explains a verb.");
  std::vector<Verb> verbs;
  for (const auto add : {addDevices, addInfo, addTokenize, addDetokenize, addLogits, addProbs, addGenerate, addChat,
                         addBench, addMemory, addConvert, addCompare})
    verbs.push_back(add(app, context));
  for (const Verb& verb : verbs)
    verb.app->set_version_flag("--version", std::string("rookery-cli ") + rookery::engine::versionString());

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    // Help and version are "errors" with code 0 that print to stdout; everything else is a usage error.
    std::ostringstream help, complaint;  // which quotes the arguments
    const int code = app.exit(problem, help, complaint) == 0 ? kOk : kUsage;
    printTable(stdout, help.str());
    printLines(stderr, complaint.str(), "");
    return finish(code);
  }
  for (const Verb& verb : verbs) {
    if (!verb.app->parsed()) continue;
    if (verb.stops) context.stop = armInterrupt();
    const Result<void> done = verb.run();
    if (!done) return finish(report(done.error(), context));
    return finish(context.exit);
  }
  return kUsage;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return runMain(argc, argv);
  } catch (const std::bad_alloc&) {
    print(stderr, "rookery-cli: There is not enough memory.\n");
    return kOutOfMemory;
  } catch (const std::system_error& problem) {
    if (std::ferror(stdout) != 0) return finish(kFailed);
    const bool noThread = problem.code() == std::errc::resource_unavailable_try_again;
    print(stderr, "rookery-cli: {}{}\n", noThread ? "The system does not let this program start a thread. " : "", problem.what());
    return noThread ? kOutOfMemory : kFailed;
  } catch (const std::exception& problem) {
    print(stderr, "rookery-cli: {}\n", problem.what());
    return kFailed;
  }
}
