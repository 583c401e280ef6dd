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
    /// One state a rank, or one for all by way of buckets, of which some are updated before others have arrived.
    case earlyReplicas
    case earlyShared
    /// A share of the state on each rank.
    case shards
    /// The same with copies at neighbours and another number of ranks in each life; the memory of some rank is lost between lives.
    case lostShards
    /// The same with buckets of which some are updated before others have arrived.
    case earlyShards

    var isSharded: Bool { self == .shards || losesMemory }
    var losesMemory: Bool { self == .lostShards || self == .earlyShards }
    var ranks: [Int] {
      switch self {
      case .shared: [2]
      case .replicas, .shards, .earlyShared: [3]
      case .earlyReplicas: [3, 2, 3]
      case .changing: [2, 1, 3]
      case .lostShards, .earlyShards: [3, 3, 2]
      }
    }
    var settings: [String] {
      switch self {
      case .shared, .changing: []
      case .replicas: ["--set", "communication.algorithm=tree"]
      case .earlyReplicas, .earlyShared:
        model + ["--set", "communication.algorithm=\(self == .earlyReplicas ? "tree" : "two-level")"]
      case .shards, .lostShards, .earlyShards:
        model + [
          "--set", "communication.algorithm=tree", "--set", "training.optimizer.sharded=true",
          "--set", "checkpoint.neighbour_copy=\(losesMemory ? "always" : "never")",
        ]
      }
    }
    /// Of the model and how it is trained, settings that differ from those of other runs.
    private var model: [String] {
      // No clipping by norm, so that nobody has to wait for all gradients before the first update.
      let late = ["training.clip_value=0.3", "training.ema_decay=0.9"]
      // A model of several grains, so that there is something to share out.
      let grains = ["training.batch=60", "training.microbatch=5", "training.steps=400"]
      let settings: [String] =
        switch self {
        case .shared, .replicas, .changing: []
        case .earlyReplicas, .earlyShared: late + ["communication.bucket_bytes=1KiB"]
        case .shards, .lostShards: grains + ["model.hidden=[260,70]", "training.optimizer.kind=lamb"]
        case .earlyShards:
          grains + late + [
            "model.hidden=[260,300]", "communication.bucket_bytes=1KiB",
            "communication.early_update_bytes=64MiB",
          ]
        }
      return settings.flatMap { ["--set", $0] }
    }
    var stepCount: Int { isSharded ? 400 : DisturbedRun.stepCount }
    func undisturbed() throws -> RunRecord {
      try model.isEmpty ? DisturbedRun.undisturbed() : DisturbedRun.undisturbed(model)
    }
    var kills: Int {
      let isExhaustive = ProcessInfo.processInfo.environment["RONDO_EXHAUSTIVE"] != nil
      return (self == .shared ? 10 : isSharded ? 4 : 5) * (isExhaustive ? 5 : 1)
    }
    var testDescription: String { rawValue }
  }

  private static let settings = ["--set", "checkpoint.every_steps=60", "--set", "checkpoint.keep=2"]

  /// When the ranks of a life are killed.
  private enum Moment {
    /// So many seconds after all are there.
    case start(Double)
    /// When that many lines are written, and some microseconds later.
    case lines(Int, microseconds: UInt32)
  }

  /// One rank that is stopped some microseconds before all are killed, so that the others come as far as they can without it.
  private struct Straggler {
    var rank: Int
    var microseconds: UInt32
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
    let run = try DisturbedRun()
    // Every fourth life ends before its first step, the others when they have got somewhat further than the one before.
    let targets = (0..<scene.kills).map { _ in
      Int.random(in: 1...scene.stepCount * 3 / 4, using: &random)
    }
    .sorted()
    var (kills, startSeconds, restarts) = (0, 0.3, -1)
    var lives: [Job] = []
    while true {
      let before = RunRecord.lines(run.output).count
      let steps = try run.lastStep()
      let moment =
        kills % 4 == 1
        ? Moment.start(.random(in: 0...1.1 * startSeconds, using: &random))
        : .lines(
          max(targets[min(kills, targets.count - 1)], before + 1),
          microseconds: .random(in: 0...2000, using: &random))
      let ranks = scene.ranks[lives.count % scene.ranks.count]
      let straggler =
        Bool.random(using: &random)
        ? Straggler(
          rank: .random(in: 0..<ranks, using: &random), microseconds: .random(in: 0...20_000, using: &random))
        : nil
      let (job, death) = try Self.life(
        run, ranks: ranks, Self.settings + scene.settings, endsAt: kills < scene.kills ? moment : nil,
        straggler)
      lives.append(job)
      let record = try run.record()
      // A life that goes on does so where the last one was, and takes no step of it again.
      let resumed = job.resumed
      if let resumed {
        #expect(
          resumed.step >= steps && resumed.place.contains("was in memory"), "\(steps) steps are done: \(job)")
      } else {
        #expect(steps == 0 || record.steps.last?.step == steps, "\(steps) steps are done: \(job)")
      }
      let found = record.restarts ?? -1
      let isTakenUp = resumed != nil || RunRecord.lines(run.output).count > before
      #expect(found == restarts + 1 || found == restarts && !isTakenUp, "was \(restarts): \(job)")
      restarts = found
      guard death.isDone else { break }
      kills += 1
      if let seconds = death.startSeconds { startSeconds = seconds }
      // One at a time: when a life has come to train, all copies are there again.
      let hasTrained = RunRecord.lines(run.output).count > before
      if scene.losesMemory, ranks > 1, hasTrained, let lost = record.memory.randomElement(using: &random) {
        try FileManager.default.removeItem(atPath: "/dev/shm/\(lost)")
      }
    }
    #expect(
      kills == scene.kills && lives.last?.exitStatus == 0,
      "\(kills) kills; \(lives.last.map { "\($0)" } ?? "")")
    let record = try run.record()
    record.expectSameCourse(as: try scene.undisturbed(), lives.map { "\($0)" }.joined(separator: "\n"))
    #expect(record.steps.map(\.step) == Array(1...scene.stepCount))
    #expect(record.integer("restarts") == restarts && record.integer("steps") == scene.stepCount)
  }

  /// - Parameter moment: nil lets the run come to its end.
  private static func life(
    _ run: DisturbedRun, ranks: Int, _ settings: [String], endsAt moment: Moment?, _ straggler: Straggler?
  ) throws -> (Job, Death) {
    // mpirun has no reason to wait before it ends what is left.
    let environment = ["OMPI_MCA_odls_base_sigkill_timeout": "0"]
    guard let moment else {
      return (try run.train(ranks: ranks, settings, environment: environment), Death())
    }
    let death = Mutex(Death())
    let (output, before) = (run.output, RunRecord.lines(run.output).count)
    let job = try run.train(ranks: ranks, settings, environment: environment) { processes in
      let start = Date()
      switch moment {
      case .start(let seconds):
        Thread.sleep(forTimeInterval: seconds)
      case .lines(let count, let microseconds):
        var lines = before
        // A run that is over has no process of the first rank.
        while lines < count, kill(processes[0], 0) == 0 {
          usleep(2_000)
          lines = RunRecord.lines(output).count
          if lines > before {
            death.withLock { $0.startSeconds = $0.startSeconds ?? Date().timeIntervalSince(start) }
          }
        }
        usleep(microseconds)
      }
      if let straggler {
        kill(processes[straggler.rank], SIGSTOP)
        usleep(straggler.microseconds)
      }
      for process in processes { kill(process, SIGKILL) }
      death.withLock { $0.isDone = true }
    }
    // A run that was done a moment before was not killed.
    if job.exitStatus == 0 { death.withLock { $0.isDone = false } }
    return (job, death.withLock { $0 })
  }
}
