// How the job was started.
extension Diagnosis {
  /// srun without PMIx: every task is rank 0 of a world of its own, and each would train the whole model alone.
  static let worldsOfOne: Check = { job in
    let rank = job.first
    guard job.ranks.count == 1, rank.launcher == .srun, let tasks = rank.number(of: "SLURM_NTASKS"), tasks > 1
    else {
      return []
    }
    return [
      .wrong(
        "srun-without-pmix",
        "srun started \(tasks) tasks, but each of them is a job of 1 rank: they do not know of each other",
        remedy:
          "start with srun --mpi=pmix (srun --mpi=list shows what there is), or with mpirun inside the allocation"
      )
    ]
  }

  static let slurmTasks: Check = { job in
    let rank = job.first
    guard rank.launcher == .mpirun, let tasks = rank.number(of: "SLURM_NTASKS"), tasks != job.ranks.count
    else {
      return []
    }
    return [
      .wrong(
        "slurm-tasks",
        "the Slurm allocation is for \(JobFacts.count(tasks, "task")), mpirun started "
          + JobFacts.count(job.ranks.count, "rank"),
        remedy: "start mpirun without -n, or ask Slurm for --ntasks=\(job.ranks.count)")
    ]
  }

  static let slurmNodes: Check = { job in
    let rank = job.first
    guard rank.launcher == .mpirun,
      let nodes = rank.number(of: "SLURM_JOB_NUM_NODES") ?? rank.number(of: "SLURM_NNODES")
    else { return [] }
    let hosts = job.hosts
    guard hosts.count < nodes, hosts.count < job.ranks.count else { return [] }
    return [
      .wrong(
        "slurm-nodes",
        "the Slurm allocation has \(nodes) nodes, but all \(job.ranks.count) ranks run on \(hosts.count) of them",
        remedy: "start with mpirun --map-by ppr:1:node for one rank on each node")
    ]
  }

  /// Under mpirun, `SLURM_PROCID` numbers mpirun's daemons. Nothing is broken, but a script that trusts it is.
  static let slurmRank: Check = { job in
    let misled = job.ranks.filter { rank in
      rank.launcher == .mpirun && rank.number(of: "SLURM_PROCID").map { $0 != rank.rank } ?? false
    }
    guard let first = misled.first else { return [] }
    return [
      .note(
        "slurm-procid",
        "SLURM_PROCID is \(first.environment["SLURM_PROCID"] ?? "") on \(JobFacts.name(misled)): under mpirun it is not the rank",
        remedy: "nothing to mend here; scripts that need the rank read OMPI_COMM_WORLD_RANK")
    ]
  }

  /// Ranks of a host add up in shared memory before they send, in reproducible mode only where the ranks of each host follow each other.
  static let blocks: Check = { job in
    let hosts = job.hosts
    guard hosts.flatMap(\.ranks).map(\.rank) != job.ranks.map(\.rank) else { return [] }
    return [
      .note(
        "rank-blocks",
        "ranks were dealt out to \(hosts.count) hosts one by one: in reproducible mode each rank sends for itself",
        remedy: "have the ranks of a host follow each other: mpirun --map-by slot, srun --distribution=block")
    ]
  }

  static let mpirun: Check = { job in
    let rank = job.first
    // srun needs no mpirun.
    if rank.launcher == .srun { return [] }
    guard let mpirun = rank.mpirun else {
      return [
        .wrong(
          "mpirun-missing", "there is no mpirun in PATH on \(rank.host)",
          remedy: "install Open MPI (Debian: apt-get install openmpi-bin), or load its module and start again"
        )
      ]
    }
    guard mpirun.version.contains("Open MPI") || mpirun.version.contains("OpenRTE") else {
      return [
        .wrong(
          "mpirun-foreign",
          "\(mpirun.path) is not Open MPI's: its version is \(mpirun.version.debugDescription)",
          remedy: "put Open MPI's folder first in PATH, or use mpirun.openmpi")
      ]
    }
    guard let launcher = version(in: mpirun.version), let library = version(in: rank.mpiVersion),
      launcher != library
    else { return [] }
    return [
      .wrong(
        "mpirun-version", "\(mpirun.path) is Open MPI \(launcher), the MPI library is \(library)",
        remedy: "set PATH and LD_LIBRARY_PATH to the same Open MPI")
    ]
  }

  /// Under mpirun the question is settled: it ran.
  static let root: Check = { job in
    let rank = job.first
    let variables = ["OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"]
    guard rank.isRoot, rank.launcher == .none, !variables.allSatisfy({ rank.environment[$0] == "1" }) else {
      return []
    }
    return [
      .wrong(
        "root", "this is root, whom mpirun refuses to start ranks for",
        remedy: "run as a user, or export \(variables[0])=1 \(variables[1])=1")
    ]
  }

  /// The first thing of the form 4.1.4.
  static func version(in text: String) -> String? {
    text.split { !$0.isNumber && $0 != "." }.first { $0.split(separator: ".").count >= 3 }.map(String.init)
  }
}
