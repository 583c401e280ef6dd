import Foundation
import MPITestSupport
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// A small run that tests interrupt and start again: dropout, clipping by norm, AdamW and a schedule, each step logged.
final class DisturbedRun {
  static let stepCount = 1200
  static let configuration = digitsConfiguration(
    seed: 5, hidden: [24, 16], dropout: 0.1, microbatch: 20,
    training: [
      "steps: \(stepCount)", "clip_norm: 0.5", "log_every_steps: 1", "evaluate_every_epochs: 9",
      "optimizer: { kind: adamw, learning_rate: 3e-3 }", "schedule: { kind: cosine, warmup_steps: 20 }",
    ])

  /// What the run comes to if nothing happens to it.
  static func undisturbed() throws -> RunRecord { try course.get() }
  private static let course = Result { try undisturbed([]) }

  /// The same with other settings.
  static func undisturbed(_ settings: [String]) throws -> RunRecord {
    let run = try DisturbedRun()
    let job = try run.train(ranks: 2, settings)
    guard job.exitStatus == 0 else { throw Failure(description: "\(job)") }
    return try run.record()
  }

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  private let directory: TemporaryDirectory
  let config: String
  var output: String { directory.path + "/run" }
  var checkpoints: String { output + "/checkpoints" }

  init() throws {
    directory = try TemporaryDirectory()
    config = try directory.write("c.yaml", Self.configuration)
  }

  func record() throws -> RunRecord { try RunRecord(output) }

  /// The steps that lines tell of, the last one.
  func lastStep() throws -> Int { try record().steps.last?.step ?? 0 }

  /// Runs the command, always the same one for the same arguments.
  ///
  /// - Parameters:
  ///   - lines: of metrics, which make the moment at which `disturb` is called; 0 for the moment when all ranks are there.
  ///   - disturb: is given the processes of the ranks, on a thread of its own.
  func train(
    ranks: Int, _ arguments: [String] = [], environment: [String: String] = [:], lines: Int = 0,
    disturb: (@Sendable ([pid_t]) -> Void)? = nil
  ) throws -> Job {
    let isOver = Latch()
    let (output, ended) = (output, DispatchSemaphore(value: 0))
    if let disturb {
      Thread {
        defer { ended.signal() }
        var processes: [pid_t] = []
        while processes.count < ranks {
          if isOver.isSet { return }
          processes = (0..<ranks).compactMap { RankProcess.find(rank: $0, output: output) }
          usleep(2_000)
        }
        while lines > 0, RunRecord.lines(output).count < lines {
          if isOver.isSet { return }
          usleep(2_000)
        }
        disturb(processes)
      }.start()
    }
    let job = try Job.run(
      ranks: ranks, program: try rondo(),
      arguments: ["train", config, "--threads", "1", "--output", output] + arguments,
      environment: environment)
    isOver.set()
    if disturb != nil { ended.wait() }
    return job
  }

  final class Latch: Sendable {
    private let state = Atomic(false)
    var isSet: Bool { state.load(ordering: .relaxed) }
    func set() { state.store(true, ordering: .relaxed) }
  }
}

extension Job {
  /// What a run that goes on says of where: the step, and the words after it.
  var resumed: (step: Int, place: Substring)? {
    guard let rest = output.split(separator: "goes on after step ", maxSplits: 1).dropFirst().first,
      let step = Int(rest.prefix { $0.isNumber })
    else { return nil }
    return (step, rest.prefix { $0 != "\n" && $0 != "\r" }.drop { $0.isNumber })
  }

  /// Lines that say what went wrong, without what mpirun puts before them.
  var errors: [String] { words(after: "rondo: error: ") }
  var warnings: [String] { words(after: "rondo: warning: ") }

  private func words(after mark: String) -> [String] {
    output.split(whereSeparator: \.isNewline).compactMap { line in
      line.range(of: mark).map { String(line[$0.upperBound...]) }
    }
  }
}
