/// What one rank found out about itself and its machine, for ``Diagnosis``.
public struct RankFacts: Codable, Sendable, Equatable {
  public var rank: Int
  /// The name of the machine.
  public var host: String
  public var rondoVersion: String
  /// As the MPI library reports itself: `Open MPI v4.1.4, package: ...`.
  public var mpiVersion: String
  /// `single`, `funneled`, `serialized` or `multiple`.
  public var threadLevel: String
  /// As OpenBLAS reports itself: version and build options.
  public var blasVersion: String
  public var blasKernel: String
  public var cpuModel: String
  public var hasAVX2: Bool
  /// Cores that the machine has online.
  public var onlineCores: Int
  /// Numbers of the cores in this process's affinity mask, ascending.
  public var allowedCores: [Int]
  /// Threads that training would start, and what decided that: a flag, a variable, or the mask.
  public var threads: Int
  public var threadsSource: String
  /// Why the number of threads cannot be found; nil when it can.
  public var threadsProblem: String?
  public var memoryBytes: Int
  /// What is free in `/dev/shm`; nil where there is none.
  public var sharedMemoryFreeBytes: Int?
  public var isRoot: Bool
  /// `mpirun` as PATH finds it; asked on rank 0 only.
  public var mpirun: MPIRun?
  /// The variables of the process that have to do with MPI, Slurm and threads.
  public var environment: [String: String]

  public struct MPIRun: Codable, Sendable, Equatable {
    public var path: String
    /// The first line that `mpirun --version` prints; empty if it printed nothing.
    public var version: String

    public init(path: String, version: String) {
      self.path = path
      self.version = version
    }
  }

  public init(
    rank: Int, host: String, rondoVersion: String, mpiVersion: String, threadLevel: String,
    blasVersion: String,
    blasKernel: String, cpuModel: String, hasAVX2: Bool, onlineCores: Int, allowedCores: [Int], threads: Int,
    threadsSource: String, threadsProblem: String? = nil, memoryBytes: Int, sharedMemoryFreeBytes: Int?,
    isRoot: Bool, mpirun: MPIRun?,
    environment: [String: String]
  ) {
    self.rank = rank
    self.host = host
    self.rondoVersion = rondoVersion
    self.mpiVersion = mpiVersion
    self.threadLevel = threadLevel
    self.blasVersion = blasVersion
    self.blasKernel = blasKernel
    self.cpuModel = cpuModel
    self.hasAVX2 = hasAVX2
    self.onlineCores = onlineCores
    self.allowedCores = allowedCores
    self.threads = threads
    self.threadsSource = threadsSource
    self.threadsProblem = threadsProblem
    self.memoryBytes = memoryBytes
    self.sharedMemoryFreeBytes = sharedMemoryFreeBytes
    self.isRoot = isRoot
    self.mpirun = mpirun
    self.environment = environment
  }

  /// What started the process.
  public enum Launcher: String, Codable, Sendable {
    case mpirun, srun, none
  }

  /// Open MPI's daemons leave their address in the environment. Daemons that mpirun starts through srun leave Slurm's variables
  /// too, so these count only without it.
  public var launcher: Launcher {
    if environment["OMPI_MCA_orte_hnp_uri"] != nil || environment["PRTE_LAUNCHED"] != nil { return .mpirun }
    if environment["SLURM_STEP_ID"] != nil, environment["SLURM_SRUN_COMM_HOST"] != nil { return .srun }
    return .none
  }

  /// Whether a variable of this name belongs into ``environment``. The key that Open MPI gives the processes of a job to know
  /// each other by does not: reports are shown to others.
  public static func isRelevant(variable name: String) -> Bool {
    if name == "OMPI_MCA_orte_precondition_transports" { return false }
    let prefixes = ["OMPI_", "OMP_", "OPENBLAS_", "GOTO_", "SLURM_", "PMIX_RANK", "PRTE_", "KMP_"]
    return prefixes.contains { name.hasPrefix($0) }
  }

  func number(of variable: String) -> Int? { environment[variable].flatMap { Int($0) } }
}
