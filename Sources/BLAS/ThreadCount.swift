/// How many threads a rank computes with, where that number comes from, and what looks wrong about it.
public struct ThreadCount: Sendable, Hashable {
  /// Where the number comes from, most binding first.
  public enum Source: Sendable, Hashable, CustomStringConvertible {
    /// `--threads`, or the configuration.
    case option
    /// The environment variable of that name.
    case environment(String)
    /// The cores that the rank may use, divided by the ranks that share them.
    case affinity(cores: Int, ranks: Int)

    public var description: String {
      switch self {
      case .option: "--threads"
      case .environment(let name): name
      case .affinity(let cores, 1): "\(cores) allowed \(cores == 1 ? "core" : "cores")"
      case .affinity(let cores, let ranks): "\(cores) allowed cores shared by \(ranks) ranks"
      }
    }
  }

  public let count: Int
  public let source: Source
  /// One line each: what is wrong and what to do.
  public let warnings: [String]

  /// More than this is a mistake rather than a machine.
  static let most = 4_096

  /// The number of threads of one rank: `--threads`, else the first number of `OMP_NUM_THREADS`, else
  /// `SLURM_CPUS_PER_TASK`, else the allowed cores divided by the ranks that share them, at least 1.
  ///
  /// - Parameters:
  ///   - option: the value of `--threads`; nil if not given.
  ///   - environment: the environment's variables; an empty value counts as not set.
  ///   - affinity: the cores that this rank may use.
  ///   - ranksSharing: ranks on this node whose affinity mask is this one.
  ///   - ranksOnNode: ranks on this node; nil if only those that share the mask are known.
  /// - Throws: ``ThreadCountError`` if the value that decides is not a number from 1 to 4,096.
  public static func resolve(
    option: Int? = nil, environment: [String: String], affinity: CPUAffinity, ranksSharing: Int = 1,
    ranksOnNode: Int? = nil
  ) throws(ThreadCountError) -> ThreadCount {
    let sharing = max(1, ranksSharing)
    let (count, source) = try decide(option, environment, affinity, sharing)
    var warnings: [String] = []
    let cores = affinity.allowed.count
    if cores == 1, affinity.online >= 2 * max(sharing, ranksOnNode ?? 1) {
      warnings.append(
        "this rank may use 1 of \(affinity.online) cores (affinity mask): start it with mpirun --bind-to none, "
          + "or with --map-by slot:PE=N for N cores per rank")
    }
    if count * sharing > max(cores, 1) {
      warnings.append(
        "\(count) \(count == 1 ? "thread" : "threads") (\(source)) on each of \(sharing) "
          + "\(sharing == 1 ? "rank" : "ranks") for \(cores) allowed \(cores == 1 ? "core" : "cores"): "
          + "waiting threads sleep instead of spinning; give fewer threads, or more cores")
    }
    return ThreadCount(count: count, source: source, warnings: warnings)
  }

  private static func decide(
    _ option: Int?, _ environment: [String: String], _ affinity: CPUAffinity, _ sharing: Int
  ) throws(ThreadCountError) -> (Int, Source) {
    if let option {
      return (try check(option, found: String(option), source: .option), .option)
    }
    for name in ["OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK"] {
      guard let text = environment[name], !text.isEmpty else { continue }
      // OpenMP allows one number per level of nesting, separated by commas; the first is the outermost.
      let first = name == "OMP_NUM_THREADS" ? text.prefix { $0 != "," } : text[...]
      let number = Int(String(first.filter { $0 != " " }))
      return (try check(number, found: text, source: .environment(name)), .environment(name))
    }
    let cores = affinity.allowed.count
    return (max(1, cores / sharing), .affinity(cores: cores, ranks: sharing))
  }

  private static func check(_ number: Int?, found: String, source: Source) throws(ThreadCountError) -> Int {
    guard let number, (1...most).contains(number) else {
      throw ThreadCountError(source: source, found: found)
    }
    return number
  }
}

/// The number of threads that was asked for is no such number.
public struct ThreadCountError: Error, Hashable, CustomStringConvertible {
  public let source: ThreadCount.Source
  /// The value as given.
  public let found: String

  public var description: String {
    let advice =
      switch source {
      case .environment(let name): "set \(name) to the cores of one rank, or unset it"
      default: "give the cores of one rank, or leave it out"
      }
    return "\(source): expected 1 to \(ThreadCount.most) threads, found '\(found)'; \(advice)"
  }
}
