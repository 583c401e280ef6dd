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
