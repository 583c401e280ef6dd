/// What is wrong with the way a job is set up, and how to mend it. A pure function of the facts.
public struct Diagnosis: Codable, Sendable, Equatable {
  public let findings: [Finding]

  public struct Finding: Codable, Sendable, Equatable {
    /// A short name of the check, for programs.
    public let check: String
    /// False for something worth knowing that needs no mending.
    public let isWrong: Bool
    /// One line.
    public let problem: String
    /// One line: what to do.
    public let remedy: String
  }

  public init(of job: JobFacts) {
    findings = Self.checks.flatMap { $0(job) }
  }

  public var isHealthy: Bool { !findings.contains(where: \.isWrong) }

  typealias Check = @Sendable (JobFacts) -> [Finding]

  /// In the order in which one would mend: how the job was started, the libraries, the cores.
  static let checks: [Check] = [
    Self.worldsOfOne, Self.slurmTasks, Self.slurmNodes, Self.slurmRank, Self.blocks, Self.mpirun, Self.root,
    Self.versions, Self.threadLevel, Self.blasBuild, Self.blasKernel, Self.mixedKernels,
    Self.singleCore, Self.overlap, Self.oversubscription, Self.threadVariables, Self.idleCores,
    Self.sharedMemory,
  ]
}

extension Diagnosis.Finding {
  static func wrong(_ check: String, _ problem: String, remedy: String) -> Self {
    Self(check: check, isWrong: true, problem: problem, remedy: remedy)
  }

  static func note(_ check: String, _ problem: String, remedy: String) -> Self {
    Self(check: check, isWrong: false, problem: problem, remedy: remedy)
  }
}

extension JobFacts {
  /// `rank 0 on n1`, `rank 0 on n1 (and 99 others)`: large jobs have the same fault on many ranks.
  static func name(_ affected: [RankFacts]) -> String {
    guard let first = affected.first else { return "no rank" }
    let others = affected.count - 1
    let rest = others == 0 ? "" : others == 1 ? " (and 1 other rank)" : " (and \(others) other ranks)"
    return "rank \(first.rank) on \(first.host)\(rest)"
  }

  static func count(_ count: Int, _ noun: String) -> String { count == 1 ? "1 \(noun)" : "\(count) \(noun)s" }
}
