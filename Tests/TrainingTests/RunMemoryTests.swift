import Collectives
import Testing

@testable import Training

/// What a run is taken to need, on hosts of any number of ranks.
@Suite struct RunMemoryTests {
  private static func plan(
    _ ranksPerHost: [Int], copies: Configuration.Checkpoint.NeighbourCopy = .auto, sharded: Bool = true,
    survives: Bool = true, algorithm: Configuration.Communication.Algorithm = .auto, isRun: Bool = true,
    areInBlocks: Bool = true, change: (inout Configuration) -> Void = { _ in }
  ) throws -> RunMemory {
    var configuration = Configuration(
      model: .init(kind: .mlp, hidden: [300, 300]), data: .init(source: .digits),
      training: .init(
        batch: 60, microbatch: 5, optimizer: .init(kind: .adamw, learningRate: 1e-3, sharded: sharded)))
    configuration.checkpoint.neighbourCopy = copies
    configuration.checkpoint.survive = survives
    configuration.communication.algorithm = algorithm
    change(&configuration)
    let data = try configuration.loadData()
    return RunMemory(
      configuration, try Trainer.network(configuration, data: data).graph,
      optimizer: ReadyMade.optimizer(configuration.training.optimizer), data: data,
      ranksPerHost: ranksPerHost, areInBlocks: areInBlocks, program: 1_000_000, isRun: isRun)
  }

  @Test func copiesAtNeighboursCountWhereThereAreSome() throws {
    let plan = try Self.plan([2, 2])
    #expect(plan.copies == 2 * plan.parameters / 4 && plan.optimizer == plan.copies)
    #expect(try Self.plan([4]).copies == 0)
    #expect(try Self.plan([4], copies: .always, algorithm: .tree).copies == plan.copies)
    // On one host that shares memory nobody has a share of its own.
    #expect(try Self.plan([4], copies: .always).copies == 0)
    #expect(try Self.plan([1]).copies == 0)
    for other in [
      try Self.plan([2, 2], copies: .never), try Self.plan([2, 2], survives: false),
      try Self.plan([2, 2], sharded: false), try Self.plan([2, 2], isRun: false),
    ] {
      #expect(other.copies == 0)
    }
    // Of both ranks of the host.
    #expect(plan.host == (try Self.plan([2, 2], copies: .never)).host + 2 * plan.copies)
  }

  @Test func copiesForEarlyUpdatesCountWhereSomeAreKept() throws {
    func bytes(
      _ ranksPerHost: [Int], bucketBytes: Int = 64 << 10, clipNorm: Double? = nil, limit: Int? = 64 << 20,
      survives: Bool = true, isRun: Bool = true, sharded: Bool = false
    ) throws -> (early: Int, host: Int, parameters: Int) {
      let plan = try Self.plan(ranksPerHost, sharded: sharded, survives: survives, isRun: isRun) {
        ($0.communication.bucketBytes, $0.communication.earlyUpdateBytes) = (bucketBytes, limit)
        $0.training.clipNorm = clipNorm
      }
      return (plan.earlyCopies, plan.host, plan.parameters)
    }
    let apart = try bytes([1, 1, 1, 1])
    // On two ranks three partial sums leave room for all.
    #expect(try bytes([1, 1]).early == 0)
    // Of the three arenas that AdamW changes, two are copied to where partial sums were; of the third the last bucket is not.
    #expect(apart.early < apart.parameters && apart.early > apart.parameters / 2)
    #expect(try bytes([1, 1, 1, 1], limit: 100_000).early <= 100_000)
    #expect(apart.host == (try bytes([1, 1, 1, 1], limit: 0)).host + apart.early)
    // Once on a host, of which each rank touches its part.
    let (together, without) = (try bytes([2, 2]), try bytes([2, 2], limit: 0))
    #expect(together.early > 0 && together.host == without.host + 2 * together.early)
    #expect(try bytes([1]).early == 0)
    #expect(try bytes([4]).early == 0)
    #expect(try bytes([1, 1, 1, 1], bucketBytes: 64 << 20).early == 0)
    #expect(try bytes([1, 1, 1, 1], clipNorm: 1).early == 0)
    #expect(try bytes([1, 1, 1, 1], survives: false).early == 0)
    #expect(try bytes([1, 1, 1, 1], isRun: false).early == 0)
    // Of a share, and of the copy of a neighbour's.
    let share = try bytes([1, 1, 1, 1], sharded: true)
    #expect(share.early > 0 && share.early < apart.early)
    // Unless that was asked for, shares have none.
    #expect(try bytes([1, 1, 1, 1], limit: nil, sharded: true).early == 0)
    #expect(try bytes([1, 1, 1, 1], limit: nil).early == apart.early)
  }

  @Test func aHostCountsWhatItsRanksShareOnce() throws {
    let (alone, shared) = (try Self.plan([1], sharded: false), try Self.plan([4], sharded: false))
    let messages = try Self.plan([4], sharded: false, algorithm: .tree)
    #expect(alone.host == alone.total + alone.checkpoint)
    #expect(messages.host - shared.host == 3 * (messages.parameters + messages.optimizer))
    // Of several hosts the ranks of each share, where the tree's order allows it: the ranks of each host follow each other.
    for hosts in [[2, 2], [3, 1]] {
      let (together, apart) = (
        try Self.plan(hosts, sharded: false), try Self.plan(hosts, sharded: false, algorithm: .tree)
      )
      #expect(together.host < apart.host)
      #expect(try Self.plan(hosts, sharded: false, areInBlocks: false) == apart)
    }
  }

  @Test func aMachineThatIsTooSmallForACopyIsRefused() throws {
    let (with, without) = (try Self.plan([2, 2]), try Self.plan([2, 2], copies: .never))
    let available = (with.host + without.host) / 2
    try without.check(available: available)
    let failure = #expect(throws: CommonFailure.self) { try with.check(available: available) }
    #expect(failure?.exitStatus == 2 && failure?.description.contains("GB on a host") == true)
  }

  @Test func aControlGroupThatIsTooSmallIsNamed() throws {
    let plan = try Self.plan([1])
    let file = "/sys/fs/cgroup/memory/slurm/job_7/memory.limit_in_bytes"
    try plan.check(MemoryLimit(bytes: plan.host, file: file))
    let failure = #expect(throws: CommonFailure.self) {
      try plan.check(MemoryLimit(bytes: plan.host - 1, file: file))
    }
    #expect(failure?.exitStatus == 2 && failure?.description.contains("control group") == true)
    #expect(failure?.description.contains(file) == true && failure?.description.contains("--mem") == true)
  }

  @Test func inspectionSaysWhereARunWouldBeRefused() throws {
    let configuration = Configuration(
      model: .init(kind: .mlp, hidden: [300]), data: .init(source: .digits),
      training: .init(batch: 60, microbatch: 5, optimizer: .init(kind: .adamw, learningRate: 1e-3)))
    let inspection = try Inspection(configuration, data: try configuration.loadData(), ranks: 2)
    let host = inspection.memory.host
    let group = MemoryLimit(bytes: host - 1, file: "/sys/fs/cgroup/job_7/memory.max")
    let failure = #expect(throws: CommonFailure.self) { try inspection.memory.check(group) }
    #expect(!inspection.table(MemoryLimit(bytes: host)).contains("refused"))
    #expect(inspection.table(group).hasSuffix("\nrefused here: \(failure?.description ?? "")"))
  }
}
