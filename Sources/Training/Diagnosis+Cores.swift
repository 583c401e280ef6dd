// Which cores and how much memory the ranks have.
extension Diagnosis {
  /// Launchers like to bind a rank to one core. A rank with threads needs its share of the node.
  static let singleCore: Check = { job in
    var affected: [RankFacts] = []
    var ranksPerHost = 1
    for (_, ranks) in job.hosts {
      let bound = ranks.filter { $0.allowedCores.count == 1 && $0.onlineCores >= 2 * ranks.count }
      if !bound.isEmpty { ranksPerHost = max(ranksPerHost, ranks.count) }
      affected += bound
    }
    guard let first = affected.first else { return [] }
    let share = first.onlineCores / ranksPerHost
    let remedy =
      first.launcher == .srun
      ? "ask for cores with srun --cpus-per-task=\(share)"
      : first.launcher == .mpirun && ranksPerHost > 1
        ? "start with mpirun --map-by slot:PE=\(share) --bind-to core, or with --bind-to none"
        : first.launcher == .mpirun
          ? "start with mpirun --bind-to none"
          : "start without taskset or a cgroup that allows one core"
    return [
      .wrong(
        "one-core", "\(JobFacts.name(affected)) may use 1 of the node's \(first.onlineCores) cores",
        remedy: remedy)
    ]
  }

  /// Ranks bound to the same few cores while others are free.
  static let overlap: Check = { job in
    for (host, ranks) in job.hosts where !isOversubscribed(ranks) {
      let bound = ranks.filter { $0.allowedCores.count < $0.onlineCores }
      for first in bound {
        let sharing = bound.filter { !Set($0.allowedCores).isDisjoint(with: first.allowedCores) }
        let cores = Set(sharing.flatMap(\.allowedCores))
        let threads = sharing.reduce(0) { $0 + $1.threads }
        guard sharing.count > 1, threads > cores.count else { continue }
        let names = list(sharing.map { String($0.rank) })
        return [
          .wrong(
            "overlapping-binding",
            "ranks \(names) on \(host) share \(JobFacts.count(cores.count, "core")) (\(ranges(cores.sorted()))) for "
              + "\(JobFacts.count(threads, "thread")), while others of its \(first.onlineCores) cores are free",
            remedy:
              "start with mpirun --map-by slot:PE=\(max(1, first.onlineCores / ranks.count)) --bind-to core, or with "
              + "--bind-to none")
        ]
      }
    }
    return []
  }

  static let oversubscription: Check = { job in
    for (host, ranks) in job.hosts where isOversubscribed(ranks) {
      let threads = ranks.reduce(0) { $0 + $1.threads }
      let online = ranks[0].onlineCores
      let remedy =
        ranks.count > online
        ? "start at most \(JobFacts.count(online, "rank")) on a node like this"
        : "give --threads \(max(1, online / ranks.count)), or start fewer ranks there"
      return [
        .wrong(
          "oversubscription",
          "\(JobFacts.count(ranks.count, "rank")) with \(JobFacts.count(threads, "thread")) in all run on \(host), which "
            + "has \(JobFacts.count(online, "core")): they wait for each other",
          remedy: remedy)
      ]
    }
    return []
  }

  /// More threads in one rank than it has cores, and variables that say different things.
  static let threadVariables: Check = { job in
    var findings: [Finding] = []
    let unknown = job.ranks.filter { $0.threadsProblem != nil }
    if let first = unknown.first, let problem = first.threadsProblem {
      findings.append(
        .wrong(
          "threads-unknown", "\(JobFacts.name(unknown)): \(problem)",
          remedy: "correct it, or leave it out: then the cores that a rank may use decide"))
    }
    let crowded = job.ranks.filter { $0.threads > $0.allowedCores.count }
    if let first = crowded.first {
      findings.append(
        .wrong(
          "threads",
          "\(JobFacts.name(crowded)) would start \(first.threads) threads (\(first.threadsSource)) on "
            + JobFacts.count(first.allowedCores.count, "core"),
          remedy:
            "give --threads \(first.allowedCores.count), or allow the rank more cores (mpirun --bind-to none)"
        ))
    }
    let conflicting = job.ranks.filter { rank in
      guard let openMP = rank.environment["OMP_NUM_THREADS"],
        let slurm = rank.environment["SLURM_CPUS_PER_TASK"]
      else { return false }
      // OpenMP allows a number per level of nesting; the first is that of the outermost.
      return openMP.prefix { $0 != "," } != slurm
    }
    if let first = conflicting.first {
      let slurm = first.environment["SLURM_CPUS_PER_TASK"] ?? ""
      findings.append(
        .wrong(
          "thread-variables",
          "OMP_NUM_THREADS is \(first.environment["OMP_NUM_THREADS"] ?? "") but SLURM_CPUS_PER_TASK is \(slurm) on "
            + JobFacts.name(conflicting),
          remedy:
            "export OMP_NUM_THREADS=$SLURM_CPUS_PER_TASK, or unset it: SLURM_CPUS_PER_TASK is then taken"))
    }
    return findings
  }

  /// Clusters like to set `OMP_NUM_THREADS=1` for everybody.
  static let idleCores: Check = { job in
    for (host, ranks) in job.hosts {
      guard let first = ranks.first, first.threadsSource == "OMP_NUM_THREADS" else { continue }
      let cores = Set(ranks.flatMap(\.allowedCores)).count
      let threads = ranks.reduce(0) { $0 + $1.threads }
      guard 2 * threads <= cores else { continue }
      return [
        .wrong(
          "idle-cores",
          "OMP_NUM_THREADS is \(first.threads): \(JobFacts.count(threads, "thread")) in all on \(host), where the job may "
            + "use \(cores) cores",
          remedy: "unset OMP_NUM_THREADS, or give --threads \(cores / ranks.count)")
      ]
    }
    return []
  }

  /// Open MPI moves messages between ranks of a node through `/dev/shm`; containers often have 64 MB of it in all.
  static let sharedMemory: Check = { job in
    let neededPerRank = 64_000_000
    for (host, ranks) in job.hosts {
      let free = ranks.compactMap(\.sharedMemoryFreeBytes).min()
      guard let free else {
        return [
          .wrong(
            "shared-memory-missing", "there is no /dev/shm on \(host)",
            remedy: "mount it: mount -t tmpfs -o size=1G tmpfs /dev/shm")
        ]
      }
      let needed = neededPerRank * ranks.count
      guard free < needed else { continue }
      return [
        .wrong(
          "shared-memory",
          "/dev/shm on \(host) has \(free / 1_000_000) MB free; \(JobFacts.count(ranks.count, "rank")) may need "
            + "\(needed / 1_000_000) MB",
          remedy:
            "remove old files there, or make it larger: mount -o remount,size=1G /dev/shm (docker run --shm-size=1g)"
        )
      ]
    }
    return []
  }

  private static func isOversubscribed(_ ranks: [RankFacts]) -> Bool {
    ranks.reduce(0) { $0 + $1.threads } > (ranks.first?.onlineCores ?? 1)
  }

  /// `0, 1 and 2`
  private static func list(_ words: [String]) -> String {
    words.count < 2
      ? words.joined() : words.dropLast().joined(separator: ", ") + " and " + words[words.count - 1]
  }

  /// `0-3,8,10-11`, as `taskset` writes cores.
  public static func ranges(_ cores: [Int]) -> String {
    var ranges: [ClosedRange<Int>] = []
    for core in cores {
      if let last = ranges.last, last.upperBound + 1 == core {
        ranges[ranges.count - 1] = last.lowerBound...core
      } else {
        ranges.append(core...core)
      }
    }
    return ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
      .joined(separator: ",")
  }
}
