import Foundation
import Training

/// The report of `rondo doctor` for people: what is here, then what is wrong.
struct DoctorReport: CustomStringConvertible {
  let job: JobFacts
  let diagnosis: Diagnosis

  var description: String {
    (facts + [""] + rankTable + [""] + variables + verdict).joined(separator: "\n")
  }

  private var facts: [String] {
    let first = job.ranks[0]
    return [
      line("rondo", first.rondoVersion),
      line("MPI", "\(first.mpiVersion.prefix { $0 != "," }), thread level \(first.threadLevel)"),
      line("mpirun", first.mpirun.map { "\($0.path), \($0.version)" } ?? "not in PATH"),
      line("OpenBLAS", first.blasVersion),
      line("kernel", first.blasKernel),
      line("processor", "\(first.cpuModel), \(first.onlineCores) cores online"),
      line("memory", "\(gigabytes(first.memoryBytes)), /dev/shm \(sharedMemory(first))"),
      line("launcher", launcher(first)),
      line("job", "\(plural(job.ranks.count, "rank")) on \(plural(job.hosts.count, "host"))"),
    ]
  }

  private var rankTable: [String] {
    // On a large job the first ranks tell what the rest is like; what differs is among the findings.
    let shown = job.ranks.prefix(64)
    let width = max(4, shown.map(\.host.count).max() ?? 4)
    var lines = ["rank  " + pad("host", width) + "  threads  from                 may use cores"]
    for rank in shown {
      lines.append(
        pad("\(rank.rank)", 4) + "  " + pad(rank.host, width) + "  " + pad("\(rank.threads)", 7) + "  "
          + pad(rank.threadsSource, 19) + "  " + Diagnosis.ranges(rank.allowedCores)
          + " (\(rank.allowedCores.count) of \(rank.onlineCores))")
    }
    if job.ranks.count > shown.count {
      lines.append("... and \(job.ranks.count - shown.count) more (--json has all)")
    }
    return lines
  }

  /// Variables that decide threads, and Slurm's, as rank 0 has them.
  private var variables: [String] {
    let environment = job.ranks[0].environment
    let prefixes = ["OMP_", "OPENBLAS_", "SLURM_", "OMPI_ALLOW_RUN_AS_ROOT"]
    let shown = environment.filter { name, _ in prefixes.contains { name.hasPrefix($0) } }
    if shown.isEmpty { return [] }
    return shown.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" } + [""]
  }

  private var verdict: [String] {
    let lines = diagnosis.findings.flatMap { finding in
      ["\(finding.isWrong ? "wrong" : "note"): \(finding.problem)", "  mend: \(finding.remedy)"]
    }
    let wrong = diagnosis.findings.count(where: \.isWrong)
    return lines + [wrong == 0 ? "Nothing is wrong." : "\(plural(wrong, "thing")) to mend."]
  }

  private func line(_ name: String, _ value: String) -> String { pad(name, 11) + value }

  private func launcher(_ rank: RankFacts) -> String {
    switch rank.launcher {
    case .mpirun: "mpirun" + (rank.environment["SLURM_JOB_ID"].map { " in Slurm job \($0)" } ?? "")
    case .srun: "srun, Slurm job \(rank.environment["SLURM_JOB_ID"] ?? "unknown")"
    case .none: "none (start under mpirun or srun to see a whole job)"
    }
  }

  private func sharedMemory(_ rank: RankFacts) -> String {
    rank.sharedMemoryFreeBytes.map { "\(gigabytes($0)) free" } ?? "missing"
  }

  private func gigabytes(_ bytes: Int) -> String { String(format: "%.1f GB", Double(bytes) / 1e9) }

  private func plural(_ count: Int, _ noun: String) -> String {
    count == 1 ? "1 \(noun)" : "\(count) \(noun)s"
  }

  private func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }
}
