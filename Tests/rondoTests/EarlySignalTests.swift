import Foundation
import MPITestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// Signals to a run that waits for its data, here those of a pipe into which nobody writes.
@Suite(.serialized, .enabled(if: !isUnderLauncher)) struct EarlySignalTests {
  /// Whom a signal is sent to.
  enum Target: Sendable {
    case alone
    case rank(Int)
    case launcher
  }

  @Test(arguments: [
    (Target.alone, SIGTERM), (.alone, SIGINT), (.alone, SIGUSR2), (.rank(0), SIGTERM), (.rank(1), SIGINT),
    (.launcher, SIGUSR2), (.launcher, SIGTERM),
  ])
  func aRunThatLoadsItsDataEndsAtOnce(target: Target, signal: Int32) throws {
    let directory = try TemporaryDirectory()
    let (data, output) = (directory.path + "/data.csv", directory.path + "/run")
    try #require(mkfifo(data, 0o600) == 0)
    let config = try directory.write(
      "c.yaml",
      """
      model: { hidden: [4] }
      data: { path: \(data), label: y }
      training: { batch: 4, microbatch: 2, epochs: 1 }

      """)
    let arguments = ["train", config, "--threads", "1", "--output", output]
    let ended = DispatchSemaphore(value: 0)
    let sent = Sent()
    Thread {
      defer { ended.signal() }
      let limit = Date().addingTimeInterval(100)
      let ranks: [Int?] = if case .alone = target { [nil] } else { [0, 1] }
      while Date() < limit {
        usleep(10_000)
        let processes = ranks.compactMap { RankProcess.find(rank: $0, output: output) }
        guard processes.count == ranks.count, processes.allSatisfy(Self.handlesSignals) else { continue }
        sent.set()
        switch target {
        case .alone: kill(processes[0], signal)
        case .rank(let rank): kill(processes[rank], signal)
        case .launcher: if let launcher = RankProcess.parent(of: processes[0]) { kill(launcher, signal) }
        }
        return
      }
    }.start()
    let (text, status): (String, Int32)
    if case .alone = target {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = ["--default-signal", "timeout", "--kill-after=1", "120", try rondo()] + arguments
      process.environment = Job.launchEnvironment
      text = try MPITestSupport.output(of: process)
      status = process.terminationStatus
    } else {
      let job = try Job.run(ranks: 2, program: try rondo(), arguments: arguments)
      (text, status) = (job.output, job.exitStatus)
    }
    ended.wait()
    // mpirun that is asked to end returns 1, whatever the ranks do.
    let isLauncherEnding = if case .launcher = target { signal == SIGTERM } else { false }
    #expect(sent.isSet && status == (isLauncherEnding ? 1 : 75), "\(status): \(text)")
    let lines = text.split(separator: "\n").filter {
      $0.contains("stopped by a signal before training began")
    }
    #expect(lines.count == 1, "\(text)")
    guard case .alone = target else { return }
    // The same command, with data.
    try FileManager.default.removeItem(atPath: data)
    _ = try directory.write(
      "data.csv", "a,y\n" + (0..<20).map { "\($0),\($0 % 2)\n" }.joined())
    let job = try Job.run(ranks: 2, program: try rondo(), arguments: arguments)
    #expect(job.exitStatus == 0 && FileManager.default.fileExists(atPath: output + "/summary.json"), "\(job)")
  }

  private typealias Sent = DisturbedRun.Latch

  /// Whether a process handles SIGTERM: the run's handlers are there, and what comes next are the data.
  private static func handlesSignals(_ process: pid_t) -> Bool {
    let status = String(
      decoding: FileManager.default.contents(atPath: "/proc/\(process)/status") ?? Data(), as: UTF8.self)
    let line = status.split(separator: "\n").first { $0.hasPrefix("SigCgt:") }
    let caught = line.flatMap { UInt64($0.dropFirst(7).trimmingCharacters(in: .whitespaces), radix: 16) } ?? 0
    return caught >> (SIGTERM - 1) & 1 == 1
  }
}
