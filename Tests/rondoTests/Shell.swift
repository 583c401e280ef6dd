import Foundation
import MPITestSupport

/// Runs a script of bash, which ends after two minutes: $0 is the `rondo` of this build, and what follows is $1.
///
/// - Returns: what it printed, on standard output and error.
func bash(_ script: String, _ argument: String) throws -> String {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = ["timeout", "--kill-after=5", "120", "bash", "-c", script, try rondo(), argument]
  process.environment = Job.launchEnvironment
  return try output(of: process)
}
