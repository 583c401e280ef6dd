import Foundation
import MPITestSupport
import Synchronization
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// A run of which all ranks are killed at random moments, again and again.
@Suite(.serialized, .enabled(if: !isUnderLauncher)) struct KilledRunTests {
  /// How the ranks of a run are made up, and how often they are killed.
  enum Case: String, CaseIterable, CustomTestStringConvertible {
    /// One state, in memory that the ranks share.
    case shared
    /// One state a rank.
    case replicas
    /// Another number of ranks in each life.
    case changing

    var ranks: [Int] {
      switch self {
      case .shared: [2]
      case .replicas: [3]
      case .changing: [2, 1, 3]
      }
    }
    var settings: [String] {
      self == .replicas ? ["--set", "communication.algorithm=tree"] : []
    }
    var kills: Int {
      let isExhaustive = ProcessInfo.processInfo.environment["RONDO_EXHAUSTIVE"] != nil
      return (self == .shared ? 10 : 5) * (isExhaustive ? 5 : 1)
    }
    var testDescription: String { rawValue }
  }

  private static let stepCount = 400
  private static let configuration = """
    seed: 5
    model: { hidden: [24, 16], dropout: 0.1 }
    data: { source: digits }
    training:
      batch: 240
      microbatch: 20
      steps: \(stepCount)
      clip_norm: 0.5
      log_every_steps: 1
      evaluate_every_epochs: 9
      optimizer: { kind: adamw, learning_rate: 3e-3 }
      schedule: { kind: cosine, warmup_steps: 20 }
    checkpoint: { every_steps: 60, keep: 2 }

    """

  /// When the ranks of a life are killed.
  private enum Moment {
    /// So many seconds after all are there.
    case start(Double)
    /// When that many lines are written, and some microseconds later.
    case lines(Int, microseconds: UInt32)
  }

  /// What the killer knows when a life is over.
  private struct Death {
    var isDone = false
    /// From the moment when all ranks were there to the first line of this life.
    var startSeconds: Double?
  }

  @Test(arguments: Case.allCases) func killedAtRandomItComesToTheBitsOfAnUndisturbedRun(_ scene: Case) throws
  {
    let seed =
      ProcessInfo.processInfo.environment["RONDO_TEST_SEED"].flatMap(UInt64.init)
      ?? .random(in: 0...UInt64.max)
    print("seed: RONDO_TEST_SEED=\(seed)")
    var random = SeededGenerator(seed: seed)
    let directory = try TemporaryDirectory()
    let config = try directory.write("c.yaml", Self.configuration)
    let undisturbed = directory.path + "/undisturbed"
    let whole = try Self.life(config, undisturbed, ranks: 2, [])
    #expect(whole.exitStatus == 0, "\(whole)")

    let output = directory.path + "/run"
    // Every fourth life ends before its first step, the others when they have got somewhat further than the one before.
    let targets = (0..<scene.kills).map { _ in Int.random(in: 1...Self.stepCount * 3 / 4, using: &random) }
      .sorted()
    var (kills, startSeconds, restarts) = (0, 0.3, -1)
    var lives: [Job] = []
    while true {
      let before = RunRecord.lines(output).count
      let steps = try RunRecord(output).steps.last?.step ?? 0
      let moment =
        kills % 4 == 1
        ? Moment.start(.random(in: 0...1.1 * startSeconds, using: &random))
        : .lines(
          max(targets[min(kills, targets.count - 1)], before + 1),
          microseconds: .random(in: 0...2000, using: &random))
      let ranks = scene.ranks[lives.count % scene.ranks.count]
      let (job, death) = try Self.life(
        config, output, ranks: ranks, scene.settings, endsAt: kills < scene.kills ? moment : nil)
      lives.append(job)
      let record = try RunRecord(output)
      // A life that goes on does so where the last one was, and takes no step of it again.
      let place = job.output.split(separator: "goes on after step ").dropFirst().first
      if let place {
        let step = Int(place.prefix { $0.isNumber }) ?? -1
        #expect(step >= steps && place.contains("was in memory"), "\(steps) steps are done: \(job)")
      } else {
        #expect(steps == 0 || record.steps.last?.step == steps, "\(steps) steps are done: \(job)")
      }
      let found = record.restarts ?? -1
      let isTakenUp = place != nil || RunRecord.lines(output).count > before
      #expect(found == restarts + 1 || found == restarts && !isTakenUp, "was \(restarts): \(job)")
      restarts = found
      guard death.isDone else { break }
      kills += 1
      if let seconds = death.startSeconds { startSeconds = seconds }
    }
    #expect(
      kills == scene.kills && lives.last?.exitStatus == 0,
      "\(kills) kills; \(lives.last.map { "\($0)" } ?? "")")
    let record = try RunRecord(output)
    record.expectSameCourse(as: try RunRecord(undisturbed), lives.map { "\($0)" }.joined(separator: "\n"))
    #expect(record.steps.map(\.step) == Array(1...Self.stepCount))
    #expect(record.integer("restarts") == restarts && record.integer("steps") == Self.stepCount)
  }

  private static func life(
    _ config: String, _ output: String, ranks: Int, _ settings: [String]
  ) throws -> Job {
    try Job.run(
      ranks: ranks, program: try rondo(),
      arguments: ["train", config, "--threads", "1", "--output", output] + settings,
      // mpirun has no reason to wait before it ends what is left.
      environment: ["OMPI_MCA_odls_base_sigkill_timeout": "0"], limit: 50)
  }

  /// - Parameter moment: nil lets the run come to its end.
  private static func life(
    _ config: String, _ output: String, ranks: Int, _ settings: [String], endsAt moment: Moment?
  ) throws -> (Job, Death) {
    guard let moment else { return (try life(config, output, ranks: ranks, settings), Death()) }
    let death = Mutex(Death())
    let isOver = Atomic(false)
    let ended = DispatchSemaphore(value: 0)
    let before = RunRecord.lines(output).count
    let killer = Thread {
      defer { ended.signal() }
      var processes: [pid_t] = []
      while processes.count < ranks {
        if isOver.load(ordering: .relaxed) { return }
        processes = (0..<ranks).compactMap { RankProcess.find(rank: $0, output: output) }
        usleep(2_000)
      }
      let start = Date()
      switch moment {
      case .start(let seconds):
        Thread.sleep(forTimeInterval: seconds)
      case .lines(let count, let microseconds):
        var isFirst = true
        while true {
          if isOver.load(ordering: .relaxed) { return }
          let lines = RunRecord.lines(output).count
          if lines > before, isFirst {
            death.withLock { $0.startSeconds = Date().timeIntervalSince(start) }
            isFirst = false
          }
          if lines >= count { break }
          usleep(500)
        }
        usleep(microseconds)
      }
      for process in processes { kill(process, SIGKILL) }
      death.withLock { $0.isDone = true }
    }
    killer.start()
    let job = try life(config, output, ranks: ranks, settings)
    isOver.store(true, ordering: .relaxed)
    ended.wait()
    // A run that was done a moment before was not killed.
    if job.exitStatus == 0 { death.withLock { $0.isDone = false } }
    return (job, death.withLock { $0 })
  }
}
